"""httpGet, of probes and of hooks.

Source: kubernetes/kubernetes, pkg/probe/http/http.go and request.go.
"""

from __future__ import annotations

import asyncio
from functools import lru_cache

from yarl import URL

from kubelet.model.outcomes import Probed, ProbeResult
from kubelet.model.pod_spec import Object, objects, text
from kubelet.probes.door import Door
from kubelet.probes.exchange import Answer, Exchange, ExchangeError, get_request
from kubelet.probes.ports import port_of

USER_AGENT = "kube-probe/1.30"
_MOST_REDIRECTS = 10


async def http_probe(door: Door, address: str, action: Object, container: Object, timeout_s: float) -> Probed:
    """Ask by HTTP; 200 to 399 is success. PortError where the port has no number."""
    url = url_of(address, action, container)
    try:
        answer, is_elsewhere = await _get(door, url, action, timeout_s)
    except TimeoutError:
        words = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
        return Probed(ProbeResult.FAILURE, f'Get "{url}": {words}')
    except (ExchangeError, OSError) as error:
        return Probed(ProbeResult.FAILURE, f'Get "{url}": {error}')
    body = answer.body.decode(errors="replace")
    if is_elsewhere:
        return Probed(ProbeResult.WARNING, f"Probe terminated redirects, Response body: {body}")
    if 200 <= answer.status < 400:
        return Probed(ProbeResult.SUCCESS, body)
    return Probed(ProbeResult.FAILURE, f"HTTP probe failed with statuscode: {answer.status}")


async def http_hook(door: Door, address: str, action: Object, container: Object, timeout_s: float) -> str:
    """What went wrong; empty for nothing: any answer at all is well. PortError."""
    url = url_of(address, action, container)
    try:
        await _get(door, url, action, timeout_s)
    except TimeoutError:
        return f'Get "{url}": context deadline exceeded'
    except (ExchangeError, OSError) as error:
        return f'Get "{url}": {error}'
    return ""


def url_of(address: str, action: Object, container: Object) -> URL:
    """The URL that an httpGet action means. PortError where the port has no number."""
    host = text(action.get("host")) or address
    scheme = (text(action.get("scheme")) or "HTTP").lower()
    path, question, query = (text(action.get("path")) or "/").partition("?")
    port = port_of(action.get("port"), container)
    return _url("https" if scheme == "https" else "http", host, port, path, query if question else None)


@lru_cache(maxsize=1024)
def _url(scheme: str, host: str, port: int, path: str, query: str | None) -> URL:
    """Made once, asked every few seconds."""
    url = URL.build(scheme=scheme, host=host, port=port, path="/" + path.removeprefix("/"))
    return url if query is None else url.with_query(query)


def headers_of(action: Object, host: str) -> list[tuple[str, str]]:
    """The kubelet's own, unless the action gives others; an empty value takes one away. `host`: the URL's."""
    given = [(text(one.get("name")), text(one.get("value"))) for one in objects(action.get("httpHeaders"))]
    names = {name.lower() for name, value in given if value or name.lower() != "host"}
    own = [("Host", host), ("User-Agent", USER_AGENT), ("Accept", "*/*")]
    headers = [one for one in own if one[0].lower() not in names]
    return [*headers, *(one for one in given if one[1]), ("Connection", "close")]


async def _get(door: Door, url: URL, action: Object, timeout_s: float) -> tuple[Answer, bool]:
    """The last answer, and whether it would lead to another host. TimeoutError, ExchangeError, OSError."""
    async with asyncio.timeout(timeout_s):
        for _ in range(_MOST_REDIRECTS):
            answer = await _exchange(door, url, action)
            if not 300 <= answer.status < 400 or answer.status == 304 or not answer.location:
                return answer, False
            to = url.join(URL(answer.location))
            if to.host != url.host:
                return answer, True
            url = to
    raise ExchangeError(f"stopped after {_MOST_REDIRECTS} redirects")


async def _exchange(door: Door, url: URL, action: Object) -> Answer:
    headers = headers_of(action, f"{url.host_subcomponent}:{url.port}")
    request = get_request(url.raw_path_qs, tuple(headers))
    assert url.host is not None
    assert url.port is not None
    exchange = Exchange()
    if url.scheme == "https":
        transport = await door.connect(exchange, url.host, url.port, tls=True)
        transport.write(request)
    else:
        transport = await door.dial(exchange, url.host, url.port, request)
    try:
        return await exchange.answer
    finally:
        transport.abort()
