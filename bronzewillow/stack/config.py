"""What a Stack is told once, when it is made."""

from __future__ import annotations

from dataclasses import dataclass, field

from bronzewillow.stack.tcp.ecn import EcnMode
from bronzewillow.wire.checksum import PartialPolicy
from bronzewillow.wire.ip import header_bytes

MILLISECOND = 1_000
SECOND = 1_000_000
_TCP_HEADER_BYTES = 20


@dataclass(frozen=True, slots=True)
class TcpConfig:
    """The knobs of one stack's TCP. All durations are microseconds."""

    send_buffer_bytes: int = 4 << 20
    """Unacknowledged and unsent bytes that one connection may hold."""

    initial_send_bytes: int = 1 << 20
    """What of it a connection begins with: it grows where a long path takes more. More for a short one only
    makes a longer queue, and costs a tenth more CPU time."""

    receive_buffer_bytes: int = 4 << 20
    """Bytes received and not yet consumed that one connection may hold; the largest window offered."""

    initial_receive_bytes: int = 256 << 10
    """What of it a connection begins with: it grows with what its user consumes in a round trip."""

    max_connections: int = 16_384
    """Connections of this stack in any state; a further SYN is dropped and counted."""

    max_half_open: int = 1_024
    """Connections in SYN-RECEIVED. Beyond it, and beyond a listener's backlog, SYNs get cookies."""

    syn_cookies: bool = True
    """Answer a flood of SYNs without memory (RFC 4987 3.6); else the oldest half-open one gives way."""

    max_reassembly_ranges: int = 256
    """Separate out-of-order ranges one connection may hold; bounds work and SACK state under attack."""

    initial_rto: int = 1 * SECOND
    """RFC 6298 2.1."""

    min_rto: int = 200 * MILLISECOND
    """deviation: RFC 6298 2.4 asks for 1 s; 200 ms is what Linux takes, and a token stream shows why."""

    max_rto: int = 60 * SECOND
    """RFC 6298 2.5."""

    delayed_ack: int = 40 * MILLISECOND
    """RFC 9293 3.8.6.3 SHLD-19 allows up to 500 ms."""

    time_wait: int = 60 * SECOND
    """2 MSL. deviation: RFC 9293 3.4.2 has an MSL of 2 minutes; 30 s is what nodes in a cluster use."""

    fin_wait_2: int = 60 * SECOND
    """How long a connection that its owner has closed waits for the peer's FIN."""

    user_timeout: int = 180 * SECOND
    """R2 of RFC 9293 3.8.3: unacknowledged for this long ends it (SHLD-11: 100 s, MUST-23: 3 min).
    `Connection.set_user_timeout` says otherwise for one connection."""

    user_timeout_option: bool = False
    """Tell peers our user timeout, and wait as long as they ask for; off, as RFC 5482 3.1 wants it."""

    keepalive: bool = False
    """Whether a silent peer is probed; off, as RFC 9293 3.8.4 MUST-25 asks for.
    `Connection.set_keepalive` says otherwise for one connection."""

    keepalive_idle: int = 7200 * SECOND
    """Silence before the first probe (RFC 9293 3.8.4 MUST-28)."""

    keepalive_interval: int = 15 * SECOND
    """Between keep-alive probes."""

    keepalive_probes: int = 4
    """Unanswered probes that end the connection."""

    linger_bytes: int = 256 << 10
    """Bytes that may still arrive, and are discarded, after close(); past it the peer gets a RST."""

    challenge_acks_per_second: int = 10
    """RFC 5961 7, per connection and not per host: a shared limit is a side channel."""

    max_super_segment_bytes: int = 61_440
    """Payload of one outgoing super-segment; under 64 KiB with room for 44 headers and encapsulations."""

    initial_window_segments: int = 10
    """RFC 6928."""

    congestion_control: str = "cubic"
    """`cubic` (RFC 9438) or `reno` (RFC 5681)."""

    window_scale: bool = True
    """Offer RFC 7323 window scaling."""

    timestamps: bool = True
    """Offer RFC 7323 timestamps."""

    sack: bool = True
    """Offer RFC 2018 selective acknowledgments."""

    rack: bool = True
    """Find losses by time, and probe for those at the tail (RFC 8985), where the peer speaks SACK."""

    ecn: EcnMode = EcnMode.ACCEPT
    """Explicit congestion notification (RFC 3168)."""

    clock_granularity: int = 1 * MILLISECOND
    """G of RFC 6298 2: how finely `now` and the timers tell time; closer than that, nothing was reordered."""

    path_probing: bool = True
    """Look for a segment size that gets through when none of the usual size does (RFC 4821)."""

    nagle: bool = False
    """RFC 9293 3.7.4; off, as asyncio sets TCP_NODELAY on its own sockets: tokens must not wait."""


@dataclass(frozen=True, slots=True)
class StackConfig:
    """One pod's network identity."""

    address: bytes
    """The pod's address, 4 bytes, or 16; a pod of both families has two stacks."""

    mtu: int = 1450
    """The largest inner IP packet that we send, in bytes."""

    tcp: TcpConfig = field(default_factory=TcpConfig)
    """TCP's part."""

    max_buffered_bytes: int = 256 << 20
    """Bytes that all connections of the pod hold together, sent and received, before memory is short."""

    max_fragment_bytes: int = 1 << 20
    """Fragments waiting for their rest, in bytes, for the whole stack."""

    ttl: int = 64
    """TTL or hop limit of what leaves; RFC 9293 3.9.2 MUST-49."""

    partial_checksums: PartialPolicy = PartialPolicy.AUTO
    """What to do with UDP, and reassembled TCP, whose checksum an offloading peer has left unfinished."""

    icmp_errors_per_second: int = 100
    """RFC 1812 4.3.2.8, RFC 4443 2.4 f: ICMP errors we originate."""

    @property
    def header_bytes(self) -> int:
        """What each segment has in front of its options: 40 bytes over IPv4, 60 over IPv6."""
        return header_bytes(self.address) + _TCP_HEADER_BYTES

    @property
    def receive_mss(self) -> int:
        """RFC 9293 3.7.1: what we announce; the MTU less the fixed headers (RFC 6691)."""
        return self.mtu - self.header_bytes

    @property
    def default_send_mss(self) -> int:
        """What a peer takes that does not say: RFC 9293 3.7.1 MUST-15."""
        return 536 if len(self.address) == 4 else 1220
