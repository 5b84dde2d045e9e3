"""Congestion control: a small interface, Reno (RFC 5681) and CUBIC (RFC 9438) behind it."""

from bronzewillow.stack.tcp.congestion.control import CongestionControl, make_congestion_control

__all__ = ["CongestionControl", "make_congestion_control"]
