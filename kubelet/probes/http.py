"""httpGet, of probes and of hooks.

Source: kubernetes/kubernetes, pkg/probe/http/http.go and request.go.
"""

from __future__ import annotations

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from kubelet.model.outcomes import Probed, ProbeResult
from kubelet.model.pod_spec import Object, objects, text
from kubelet.probes.door import DialError, Door
from kubelet.probes.ports import port_of

USER_AGENT = "kube-probe/1.30"
_MOST_REDIRECTS = 10
_LONGEST_BODY = 10 << 10


async def http_probe(door: Door, address: str, action: Object, container: Object, timeout_s: float) -> Probed:
    """PortError."""
    url = url_of(address, action, container)
    try:
        status, body, is_elsewhere = await _get(door, url, action, timeout_s)
    except TimeoutError:
        words = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
        return Probed(ProbeResult.FAILURE, f'Get "{url}": {words}')
    except (aiohttp.ClientError, OSError) as error:
        return Probed(ProbeResult.FAILURE, f'Get "{url}": {_words(error)}')
    if is_elsewhere:
        return Probed(ProbeResult.WARNING, f"Probe terminated redirects, Response body: {body}")
    if 200 <= status < 400:
        return Probed(ProbeResult.SUCCESS, body)
    return Probed(ProbeResult.FAILURE, f"HTTP probe failed with statuscode: {status}")


async def http_hook(door: Door, address: str, action: Object, container: Object, timeout_s: float) -> str:
    """What went wrong; empty for nothing: any answer at all is well. PortError."""
    url = url_of(address, action, container)
    try:
        await _get(door, url, action, timeout_s)
    except TimeoutError:
        return f'Get "{url}": context deadline exceeded'
    except (aiohttp.ClientError, OSError) as error:
        return f'Get "{url}": {_words(error)}'
    return ""


def url_of(address: str, action: Object, container: Object) -> URL:
    """PortError."""
    host = text(action.get("host")) or address
    scheme = (text(action.get("scheme")) or "HTTP").lower()
    path, question, query = (text(action.get("path")) or "/").partition("?")
    url = URL.build(
        scheme=scheme if scheme in ("http", "https") else "http",
        host=host,
        port=port_of(action.get("port"), container),
        path="/" + path.removeprefix("/"),
    )
    return url.with_query(query) if question else url


def headers_of(action: Object) -> CIMultiDict[str]:
    """The kubelet's own, unless the action gives others; an empty value takes one away."""
    given: CIMultiDict[str] = CIMultiDict()
    for one in objects(action.get("httpHeaders")):
        given.add(text(one.get("name")), text(one.get("value")))
    headers = CIMultiDict({"Connection": "close"})
    for name, value in (("User-Agent", USER_AGENT), ("Accept", "*/*")):
        if name not in given:
            headers.add(name, value)
    headers.extend((name, value) for name, value in given.items() if value)
    return headers


async def _get(door: Door, url: URL, action: Object, timeout_s: float) -> tuple[int, str, bool]:
    """Status, body, and whether it would lead to another host."""
    headers, timeout = headers_of(action), aiohttp.ClientTimeout(total=timeout_s)
    for _ in range(_MOST_REDIRECTS):
        async with door.http().get(url, headers=headers, allow_redirects=False, timeout=timeout) as answer:
            body = (await answer.content.read(_LONGEST_BODY)).decode(errors="replace")
            target = answer.headers.get("Location", "")
            if not 300 <= answer.status < 400 or answer.status == 304 or not target:
                return answer.status, body, False
            to = url.join(URL(target))
            if to.host != url.host:
                return answer.status, body, True
            url = to
    raise aiohttp.ClientError(f"stopped after {_MOST_REDIRECTS} redirects")


def _words(error: Exception) -> str:
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "EOF"
    return str(error) if isinstance(error, DialError) else str(error) or type(error).__name__
