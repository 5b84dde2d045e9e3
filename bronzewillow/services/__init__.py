"""Services as kube-proxy and cluster DNS serve them on other nodes; there is neither here. Pure.

names      a name of cluster DNS -> which Service, or which pod of one
endpoints  what an EndpointSlice says
table      Services and EndpointSlices -> what can be asked for by address and by name
balancer   one of a Service's endpoints for one connection
"""
