"""What we offer on a SYN, and what both sides then agree on."""

from __future__ import annotations

from bronzewillow.stack.config import SECOND, StackConfig, TcpConfig
from bronzewillow.stack.tcp.tcb import MIN_SEND_MSS, Tcb
from bronzewillow.wire.tcp import TcpOptions

_TIMESTAMP_OPTION = 12  # 10 bytes and two of padding
_MAX_WINDOW_SHIFT = 14  # RFC 7323 2.3
_SHORTEST_USER_TIMEOUT = 100 * SECOND  # RFC 5482 3.1, L_LIMIT
_LONGEST_USER_TIMEOUT = 3600 * SECOND  # RFC 5482 3.1, U_LIMIT


def window_shift(buffer_bytes: int) -> int:
    """The least shift with which 16 bits can tell of `buffer_bytes`."""
    return min(max(buffer_bytes.bit_length() - 16, 0), _MAX_WINDOW_SHIFT)


def offer(config: StackConfig, tcp: TcpConfig, ts_value: int) -> TcpOptions:
    """The options of our first SYN. `tcp`: what this connection goes by."""
    return TcpOptions(
        mss=config.receive_mss,
        window_scale=window_shift(tcp.receive_buffer_bytes) if tcp.window_scale else None,
        sack_permitted=tcp.sack,
        timestamps=(ts_value, 0) if tcp.timestamps else None,
        user_timeout_s=_user_timeout_s(tcp),
    )


def answer(config: StackConfig, ts_value: int, tcb: Tcb) -> TcpOptions:
    """The options of our SYN-ACK: only what the peer's SYN offered, which `agree` has put into `tcb`."""
    return TcpOptions(
        mss=config.receive_mss,
        window_scale=tcb.rcv_wind_shift if tcb.scaling_on else None,
        sack_permitted=tcb.sack_on,
        timestamps=(ts_value, tcb.ts_recent) if tcb.timestamps_on else None,
        user_timeout_s=_user_timeout_s(config.tcp),
    )


def agree(tcb: Tcb, config: StackConfig, tcp: TcpConfig, theirs: TcpOptions, now: int) -> None:
    """Take over what the peer's SYN or SYN-ACK offered and we offer too."""
    if tcp.window_scale and theirs.window_scale is not None:
        tcb.scaling_on = True  # a shift of 0 is an offer too (RFC 7323 2.2)
        tcb.snd_wind_shift = min(theirs.window_scale, _MAX_WINDOW_SHIFT)
        tcb.rcv_wind_shift = window_shift(tcp.receive_buffer_bytes)
    if tcp.timestamps and theirs.timestamps is not None:
        tcb.timestamps_on = True
        tcb.ts_recent, tcb.ts_recent_at = theirs.timestamps[0], now
    tcb.sack_on = tcp.sack and theirs.sack_permitted
    tcb.rmss = config.receive_mss
    # RFC 9293 3.7.1: an absurd offer is raised to what makes sense
    offered = config.default_send_mss if theirs.mss is None else theirs.mss
    tcb.agreed_smss = min(max(offered, MIN_SEND_MSS), tcb.rmss)
    set_send_mss(tcb, min(tcb.agreed_smss, tcb.path_smss))


def negotiated_user_timeout(ours: int, theirs_s: int) -> int:
    """RFC 5482 3.1: the longer of both, within bounds, in microseconds."""
    return min(_LONGEST_USER_TIMEOUT, max(ours, theirs_s * SECOND, _SHORTEST_USER_TIMEOUT))


def _user_timeout_s(tcp: TcpConfig) -> int | None:
    return tcp.user_timeout // SECOND if tcp.user_timeout_option else None


def set_send_mss(tcb: Tcb, smss: int) -> None:
    """RFC 9293 3.7.1 MUST-16: each segment leaves room for the options it carries."""
    tcb.smss = smss
    tcb.eff_snd_mss = smss - (_TIMESTAMP_OPTION if tcb.timestamps_on else 0)
