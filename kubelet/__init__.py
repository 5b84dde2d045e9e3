"""llm-kubelet, the virtual kubelet: joins the Mac as a Node. `model` is its pure half."""
