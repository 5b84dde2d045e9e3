"""What becomes of an accepted connection of a pod: an HTTP proxy or an opaque relay to the pod's process.

The objects here give asyncio protocol factories and know nothing of packets: attach them to any transport
with `peername` and `sockname`, a kernel's or a userspace stack's.
"""

from bronzewillow.proxy.config import HttpLimits, RelayLimits, Upstream
from bronzewillow.proxy.http_proxy import HttpProxy
from bronzewillow.proxy.metrics import ProxyMetrics
from bronzewillow.proxy.relay import Relay

__all__ = ["HttpLimits", "HttpProxy", "ProxyMetrics", "Relay", "RelayLimits", "Upstream"]
