"""Workers of each CNI, as its node agent sets them up from what our agent has published.

family         addresses of a lab, of either family
peer           what all workers have in common
flannel        kernel VXLAN, a bridge, static neighbours
calico         kernel VXLAN, routed pods, tunnel packets only from listed nodes
antrea         Open vSwitch, Geneve or VXLAN, a pipeline of flows
cilium         one VXLAN device for all identities
cases          the clusters that tests go through
openvswitch    the daemons, without a kernel module
kube_proxy     Services by iptables
"""
