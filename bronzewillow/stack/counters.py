"""What a Stack counts. Plain integers that only grow; the shell turns them into metrics."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class StackCounters:
    """Segments are counted as on the wire: a super-segment of n pieces counts n."""

    segments_in: int = 0
    segments_out: int = 0
    payload_bytes_in: int = 0
    """TCP payload that arrived, duplicates included."""
    payload_bytes_out: int = 0
    """TCP payload that left, retransmissions included."""
    retransmitted_segments: int = 0
    retransmission_timeouts: int = 0
    fast_recoveries: int = 0
    loss_probes: int = 0
    spurious_recoveries: int = 0
    """Recoveries and timeouts that turned out to be needless."""
    zero_window_probes: int = 0
    out_of_order_segments: int = 0
    duplicate_segments: int = 0
    challenge_acks: int = 0
    resets_in: int = 0
    resets_out: int = 0
    accepted: int = 0
    connected: int = 0
    half_open_evicted: int = 0
    black_holes_suspected: int = 0
    syn_cookies_sent: int = 0
    syn_cookies_accepted: int = 0
    refused_over_limit: int = 0
    timed_out: int = 0
    paws_rejected: int = 0
    icmp_in: int = 0
    icmp_out: int = 0
    echo_replies: int = 0
    reassembled: int = 0
