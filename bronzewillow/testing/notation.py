"""tcpdump's notation of a segment: `F. 1:1(0) ack 1 win 9 <mss 1410,sackOK,TS val 1 ecr 0,nop,wscale 5>`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bronzewillow.wire.tcp import Flags, TcpOptions

_LETTERS = {
    "F": Flags.FIN,
    "S": Flags.SYN,
    "R": Flags.RST,
    "P": Flags.PSH,
    ".": Flags.ACK,
    "U": Flags.URG,
    "E": Flags.ECE,
    "W": Flags.CWR,
}
_SEGMENT = re.compile(
    r"(?P<flags>[FSRP.UEW-]+)\s+(?P<start>-?\d+):(?P<end>-?\d+)\((?P<size>\d+)\)"
    r"(?:\s+ack\s+(?P<ack>-?\d+))?(?:\s+win\s+(?P<win>\d+))?(?:\s+<(?P<options>[^>]*)>)?"
)
_PATTERN_BYTES = bytes((i * 7 + (i >> 8) * 31) & 0xFF for i in range(1 << 16))


@dataclass(frozen=True, slots=True)
class Notated:
    """A segment with relative numbers. None is what the text does not say."""

    flags: int
    start: int
    size: int
    ack: int = 0
    wnd: int | None = None
    options: TcpOptions | None = None

    def matches(self, got: Notated) -> bool:
        """Whether `got` is what this text says; PSH counts only where the text has it."""
        ignored = 0 if self.flags & Flags.PSH else int(Flags.PSH)
        if self.flags != got.flags & ~ignored or (self.start, self.size) != (got.start, got.size):
            return False
        if self.flags & Flags.ACK and self.ack != got.ack:
            return False
        return self.wnd in (None, got.wnd) and self.options in (None, got.options)

    def __str__(self) -> str:
        letters = "".join(letter for letter, bit in _LETTERS.items() if self.flags & bit)
        text = f"{letters or '-'} {self.start}:{self.start + self.size}({self.size})"
        if self.flags & Flags.ACK:
            text += f" ack {self.ack}"
        if self.wnd is not None:
            text += f" win {self.wnd}"
        options = [] if self.options is None else _show_options(self.options)
        return f"{text} <{','.join(options)}>" if options else text


def parse(text: str) -> Notated:
    """ValueError when `text` is not in the notation, or counts wrong."""
    match = _SEGMENT.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not a segment: {text!r}")
    flags = 0
    for letter in match["flags"].replace("-", ""):
        flags |= int(_LETTERS[letter])
    start, end, size = int(match["start"]), int(match["end"]), int(match["size"])
    if end - start != size:
        raise ValueError(f"{start}:{end} is not {size} bytes: {text!r}")
    if (match["ack"] is not None) != bool(flags & Flags.ACK):
        raise ValueError(f"'.' and 'ack' go together: {text!r}")
    options = None if match["options"] is None else _parse_options(match["options"])
    wnd = None if match["win"] is None else int(match["win"])
    return Notated(flags, start, size, int(match["ack"] or 0), wnd, options)


def pattern(position: int, size: int) -> bytes:
    """`size` bytes of the stream that every script sends, from stream position `position` on."""
    at = position % len(_PATTERN_BYTES)
    copies = (at + size) // len(_PATTERN_BYTES) + 1
    return (_PATTERN_BYTES * copies)[at : at + size] if size else b""


def _parse_options(text: str) -> TcpOptions:
    mss: int | None = None
    window_scale: int | None = None
    sack_permitted = False
    timestamps: tuple[int, int] | None = None
    sack: tuple[tuple[int, int], ...] = ()
    for item in filter(None, (part.strip() for part in text.split(","))):
        words = item.split()
        if words[0] == "mss":
            mss = int(words[1])
        elif words[0] == "wscale":
            window_scale = int(words[1])
        elif words[0] == "sackOK":
            sack_permitted = True
        elif words[0] == "TS":
            timestamps = int(words[2]), int(words[4])
        elif words[0] == "sack":
            edges = re.findall(r"\{(-?\d+):(-?\d+)\}", item)
            sack = tuple((int(left), int(right)) for left, right in edges)
        elif words[0] != "nop":
            raise ValueError(f"not an option: {item!r}")
    return TcpOptions(mss, window_scale, sack_permitted, timestamps, sack)


def _show_options(options: TcpOptions) -> list[str]:
    shown = []
    if options.mss is not None:
        shown.append(f"mss {options.mss}")
    if options.sack_permitted:
        shown.append("sackOK")
    if options.timestamps is not None:
        shown.append("TS val {} ecr {}".format(*options.timestamps))
    if options.window_scale is not None:
        shown.append(f"wscale {options.window_scale}")
    if options.sack:
        shown.append("sack " + "".join(f"{{{left}:{right}}}" for left, right in options.sack))
    return shown
