"""llm-kubelet, the virtual kubelet: joins the Mac as a Node. Not built yet."""
