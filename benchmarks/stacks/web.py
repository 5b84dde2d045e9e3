"""HTTP requests and connections a second, by wrk, to one nginx behind each way."""

from __future__ import annotations

import re

from benchmarks.stacks.ways import WEB_PORT, Way
from bronzewillow.testing.lab.child import wait_until

_PAGE = """
worker_processes 1; daemon off; error_log stderr warn; pid {folder}/nginx-{port}.pid;
events {{ worker_connections 8000; }}
http {{ access_log off; keepalive_requests 100000; {upstream}
  server {{ listen {port} backlog=4096; location / {{ {does} }} }} }}
"""
PROXY_PORT = WEB_PORT + 100
"""Of a second nginx, which passes all requests on to the first."""


def serve(way: Way) -> None:
    """The page, and nginx before it as a reverse proxy."""
    _nginx(way, WEB_PORT, "", "default_type text/plain; return 200 ok;")
    upstream = f"upstream page {{ server 127.0.0.1:{WEB_PORT}; keepalive 64; }}"
    passes = 'proxy_pass http://page; proxy_http_version 1.1; proxy_set_header Connection "";'
    _nginx(way, PROXY_PORT, upstream, passes)


def measure(
    way: Way, seconds: int, *, port: int = WEB_PORT, keep_alive: bool, connections: int = 16
) -> float:
    """Requests a second; each on a connection of its own without `keep_alive`."""
    argv = ("wrk", "-t1", f"-c{connections}", f"-d{seconds}s", f"http://{way.host}:{port}/")
    close = () if keep_alive else ("-H", "Connection: close")
    said = way.client.run(*argv, *close, timeout_s=seconds + 30)
    found = re.search(r"Requests/sec:\s*([\d.]+)", said)
    if found is None or "Non-2xx" in said:
        raise SystemExit(f"wrk on {way.name}: {said}")
    return float(found[1])


def _nginx(way: Way, port: int, upstream: str, does: str) -> None:
    file = way.folder / f"nginx-{port}.conf"
    file.write_text(_PAGE.format(folder=way.folder, port=port, upstream=upstream, does=does))
    way.start(f"nginx-{port}", way.server, "nginx", "-c", str(file))
    page = ("curl", "-sf", "-o", "/dev/null", f"http://127.0.0.1:{port}/")
    wait_until(lambda: not way.server.attempt(*page).returncode, f"nginx answers on port {port}")
