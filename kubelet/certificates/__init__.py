"""Who this node is: bootstrap tokens, discovery, certificate requests, certificates that renew themselves.

`token jws pins cluster_info requests progress rotation server_url` are pure; `discovery pairs signing client
serving` move bytes. The order of a join: discovery finds the cluster and proves that it is the one meant,
`client` asks for the node's client certificate with the token, `serving` for that of port 10250 as the node.
"""
