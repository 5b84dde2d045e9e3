"""Packet scripts: one connection of a Stack as a trace of what is sent to it and what it must answer.

    +0     <  S  0:0(0) win 65535 <mss 1410,sackOK,TS val 1 ecr 0,nop,wscale 5>
    +0     >  S. 0:0(0) ack 1 <mss 1410>      # only what is written is compared
    +0     <  .  1:1(0) ack 1
    accept
    send 1000
    +0     >  P. 1:1001(1000) ack 1
    +200ms >  P. 1:1001(1000) ack 1           # RTO
    state ESTABLISHED

`[ECT]` and `[CE]` before the flags are the IP header's ECN bits: `+0 < [CE] . 1:1001(1000) ack 1`.

`<` is put into the stack, `>` must come out at exactly that virtual time, in that order; whatever else comes
out is a failure. Times are relative to the line before. Sequence numbers count from each side's ISN, our TS
values from our first one, the peer's are its own. A super-segment is one line. Payload bytes follow from
their position (`pattern`), so contents are compared too. Other lines: the user's calls (connect, accept,
send N, consume N, shutdown, close, abort), `state X`, `events A B` (all since the last such line), `nothing`
(no output is left), `ignore` (whatever output there is).
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, replace

from bronzewillow.stack import Accepted, Connection, DataReceived, Event, Stack, StackConfig
from bronzewillow.testing import notation
from bronzewillow.testing.invariants import Invariants
from bronzewillow.wire.packet import Packet, TcpPacket
from bronzewillow.wire.seqnum import add, diff
from bronzewillow.wire.tcp import Flags, TcpOptions, TcpSegment

LOCAL = bytes((10, 0, 0, 1))
PEER = bytes((10, 0, 0, 2))
_UNITS = {"": 1_000_000, "h": 3_600_000_000, "min": 60_000_000, "s": 1_000_000, "ms": 1_000, "us": 1}
_SHOWN_ECN = ("", "[ECT1] ", "[ECT] ", "[CE] ")
_LINE = re.compile(r"(?:\+([\d.]+)(h|min|s|ms|us|)\s+)?(.*)")


class ScriptError(AssertionError):
    """The stack did something else than the script says; the message shows both."""


@dataclass(slots=True)
class _Sent:
    at: int
    packet: Packet


class Scripted:
    """A stack with one connection, and the peer that scripts write for."""

    def __init__(self, config: StackConfig | None = None, *, isn: int = 1_000_000, now: int = 0) -> None:
        self.now = now
        self.stack = Stack(config or StackConfig(LOCAL), random.Random(7))
        self.invariants = Invariants(self.stack)
        self.port = 80
        """The listening port, or the one that `connect` dials."""
        self.local_port = self.port
        self.peer_port = 40_000
        self.peer_isn = isn
        self.local_isn: int | None = None
        self.connection: Connection | None = None
        self.received = 0
        """Bytes of DataReceived so far; each is compared with `pattern`."""
        self.window = 65_535
        """What a `<` line without `win` says."""
        self.event_log: list[Event] = []
        self.trace: list[str] = []
        self.timestamps = False
        """Whether `<` lines without options carry a timestamp."""
        self._ts_base: int | None = None
        self._ts_seen = 0
        self._queued: list[_Sent] = []
        self._sent_bytes = 0

    @property
    def c(self) -> Connection:
        """The connection under test."""
        assert self.connection is not None, "there is no connection yet"
        return self.connection

    # ---- scripts

    def script(self, text: str) -> None:
        """Run every line. ScriptError at the first that does not come true, or for output left over."""
        for line in text.splitlines():
            line = line.split("#")[0].strip()
            if line:
                self._run_line(line)
        self._expect_nothing("the end of the script")

    def _run_line(self, line: str) -> None:
        match = _LINE.fullmatch(line)
        assert match is not None
        number, unit, action = match.groups()
        if number is not None:
            self.advance(round(float(number) * _UNITS[unit]))
        verb, _, rest = action.partition(" ")
        rest = rest.strip()
        if verb == "<":
            ecn, rest = _take_ecn(rest)
            self.inject(TcpPacket(PEER, LOCAL, self.segment(rest), tos=ecn))
        elif verb == ">":
            self._expect(rest)
        elif verb == "nothing":
            self._expect_nothing(line)
        elif verb == "ignore":
            self._queued.clear()
        elif verb == "state":
            self._compare(line, self.c.state.value, rest)
        elif verb == "events":
            got = " ".join(type(event).__name__ for event in self.event_log)
            self.event_log.clear()
            self._compare(line, got, " ".join(rest.split()))
        elif verb:
            self._call(verb, rest)

    def _call(self, verb: str, rest: str) -> None:
        self.trace.append(f"{self._clock()}   {verb} {rest}")
        if verb == "listen":
            self.stack.listen(self.port)
        elif verb == "connect":
            self.connection = self.stack.connect(PEER, self.port, self.now)
            self.local_port, self.peer_port = self.connection.local[1], self.port
        elif verb == "accept":
            accepted = [event for event in self.event_log if isinstance(event, Accepted)]
            if not accepted:
                raise self._error("accept", "no Accepted event", "Accepted")
            self.connection = accepted[-1].connection
            self.event_log.remove(accepted[-1])
        elif verb == "send":
            size = int(rest)
            taken = self.c.send(notation.pattern(self._sent_bytes, size), self.now)
            self._sent_bytes += taken
        elif verb == "consume":
            self.c.consume(self.c.unread_bytes if rest == "all" else int(rest), self.now)
        elif verb in ("shutdown", "close", "abort"):
            getattr(self.c, verb)(self.now)
        else:
            raise ValueError(f"no such script line: {verb} {rest}")
        self._settle()

    # ---- time and packets

    def advance(self, duration: int) -> None:
        """Let `duration` microseconds pass; each timer runs at its own time."""
        end = self.now + duration
        while (due := self.stack.next_timeout()) is not None and due <= end:
            self.now = max(self.now, due)
            self.stack.handle_timeout(self.now)
            self._settle()
        self.now = end

    def inject(self, *packets: Packet | TcpSegment) -> None:
        """Let `packets` arrive together, now."""
        batch: list[Packet] = []
        for packet in packets:
            if isinstance(packet, TcpSegment):
                packet = TcpPacket(PEER, LOCAL, packet)
            self.trace.append(f"{self._clock()} < {self._show(packet)}")
            batch.append(packet)
        self.stack.receive(batch, self.now)
        self._settle()

    def segment(self, text: str) -> TcpSegment:
        """The peer's segment that `text` stands for."""
        parsed = notation.parse(text)
        options = parsed.options
        if options is None:
            options = TcpOptions()
            if self.timestamps and not parsed.flags & Flags.SYN:
                options = replace(options, timestamps=(self.now // 1_000 + 1_000, self._ts_seen))
        elif options.timestamps is not None and not parsed.flags & Flags.SYN:
            val, ecr = options.timestamps
            options = replace(options, timestamps=(val, add(ecr, self._ts_base or 0)))
        base = self.local_isn or 0
        options = replace(options, sack=tuple((add(base, a), add(base, b)) for a, b in options.sack))
        flags = parsed.flags
        return TcpSegment(
            self.peer_port,
            self.local_port,
            add(self.peer_isn, parsed.start),
            add(base, parsed.ack) if flags & Flags.ACK else 0,
            flags,
            self.window if parsed.wnd is None else parsed.wnd,
            options,
            notation.pattern(parsed.start - 1, parsed.size),
        )

    def take(self) -> list[Packet]:
        """All output that no `>` line has claimed."""
        packets = [sent.packet for sent in self._queued]
        self._queued.clear()
        return packets

    def _settle(self) -> None:
        for _ in range(2):  # events may be taken before and after output
            for event in self.stack.events():
                self.event_log.append(event)
                self.trace.append(f"{self._clock()}   ! {type(event).__name__}")
                if isinstance(event, DataReceived):
                    expected = notation.pattern(self.received, len(event.data))
                    self.received += len(event.data)
                    if event.data != expected:
                        raise self._error("data", "other bytes than the peer sent", "the peer's stream")
            for packet in self.stack.output(self.now):
                self._learn(packet)
                self._queued.append(_Sent(self.now, packet))
                self.trace.append(f"{self._clock()} > {self._show(packet)}")
        self.invariants.check()

    def _learn(self, packet: Packet) -> None:
        if not isinstance(packet, TcpPacket):
            return
        seg = packet.segment
        if seg.flags & Flags.SYN and self.local_isn is None:
            self.local_isn = seg.seq
        if seg.options.timestamps:
            self._ts_seen = seg.options.timestamps[0]
            if self._ts_base is None:
                self._ts_base = self._ts_seen

    # ---- expectations

    def _expect(self, text: str) -> None:
        if not self._queued:
            raise self._error(f"> {text}", "no output", text)
        sent = self._queued.pop(0)
        got = self._show(sent.packet)
        ecn, notated = _take_ecn(text)
        if sent.at != self.now:
            raise self._error(f"> {text}", f"{got}   at {sent.at / 1e6:.6f}", f"{text}   now")
        if not isinstance(sent.packet, TcpPacket):
            raise self._error(f"> {text}", got, text)
        expected, actual = notation.parse(notated), self._relative(sent.packet.segment)
        if not expected.matches(actual) or sent.packet.tos & 3 != ecn:
            raise self._error(f"> {text}", got, text)
        seg = sent.packet.segment
        if seg.payload and seg.payload != notation.pattern(actual.start - 1, len(seg.payload)):
            raise self._error(f"> {text}", f"{got}, with other bytes than were sent", text)

    def _expect_nothing(self, where: str) -> None:
        if self._queued:
            got = "\n            ".join(self._show(sent.packet) for sent in self._queued)
            raise self._error(where, got, "no more output")

    def _compare(self, line: str, got: str, expected: str) -> None:
        if got != expected:
            raise self._error(line, got, expected)

    def _error(self, where: str, got: str, expected: str) -> ScriptError:
        trace = "\n    ".join(self.trace[-40:])
        diff_lines = f"{where}\n  expected: {expected}\n  got:      {got}"
        return ScriptError(f"{diff_lines}\n  at {self.now / 1e6:.6f}, trace:\n    {trace}")

    def _relative(self, seg: TcpSegment) -> notation.Notated:
        options = seg.options
        if options.timestamps:
            val, ecr = options.timestamps
            options = replace(options, timestamps=(diff(val, self._ts_base or 0), ecr))
        sack = tuple((diff(a, self.peer_isn), diff(b, self.peer_isn)) for a, b in options.sack)
        return notation.Notated(
            seg.flags,
            diff(seg.seq, self.local_isn or 0),
            len(seg.payload),
            diff(seg.ack, self.peer_isn),
            seg.wnd,
            replace(options, sack=sack),
        )

    def _show(self, packet: Packet) -> str:
        if not isinstance(packet, TcpPacket):
            return f"IP protocol {packet.protocol}, {len(packet.payload)} bytes"
        ecn = _SHOWN_ECN[packet.tos & 3]
        if packet.source == LOCAL:
            return f"{ecn}{self._relative(packet.segment)}"
        seg, base = packet.segment, self.local_isn or 0
        sack = tuple((diff(a, base), diff(b, base)) for a, b in seg.options.sack)
        start, ack = diff(seg.seq, self.peer_isn), diff(seg.ack, base)
        options = replace(seg.options, sack=sack)
        shown = notation.Notated(seg.flags, start, len(seg.payload), ack, seg.wnd, options)
        return f"{ecn}{shown}"

    def _clock(self) -> str:
        return f"{self.now / 1e6:11.6f}"


def _take_ecn(text: str) -> tuple[int, str]:
    """The ECN bits of a line, and the rest of it."""
    for bits, shown in enumerate(_SHOWN_ECN):
        if shown and text.startswith(shown):
            return bits, text.removeprefix(shown)
    return 0, text
