"""The kubelet's HTTPS API on :10250: what the API server, metrics-server and operators ask a node.

app               routes, middleware, errors           <- tls, surroundings
endpoints         a request -> what it needs a right to (pure)
authentication    who asks: certificate, then token    <- expiring
authorization     whether they may                     <- expiring
reviews           both, asked of the API server
container_logs    /containerLogs                       <- log_options, log_lines (pure), log_reading
streams           /exec /attach /portForward /run      passed on to the runtime byte for byte
summary           /stats/summary                       resource_metrics: /metrics/resource (both pure)
"""
