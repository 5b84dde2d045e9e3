"""SPDY/3.1: what is emitted is parsed, any split of a byte stream says the same, two sessions agree."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from runtime.streaming.channels import CHANNEL_PROTOCOLS, ChannelData, emit_message, parse_message
from runtime.streaming.frames import (
    Data,
    Frame,
    FrameReader,
    GoAway,
    Headers,
    Ping,
    RstStream,
    Settings,
    SynReply,
    SynStream,
    WindowUpdate,
    emit_frame,
)
from runtime.streaming.headers import HeaderCompressor, HeaderDecompressor
from runtime.streaming.session import Broken, Opened, Received, Session, WasReset

ids = st.integers(0, 2**31 - 1)
u32 = st.integers(0, 2**32 - 1)
blocks = st.binary(max_size=40)
frames = st.one_of(
    st.builds(Data, ids, st.binary(max_size=60), st.booleans()),
    st.builds(SynStream, ids, blocks, st.booleans(), st.booleans(), st.integers(0, 7)),
    st.builds(SynReply, ids, blocks, st.booleans()),
    st.builds(RstStream, ids, u32),
    st.builds(Settings, st.lists(st.tuples(u32, u32), max_size=3).map(tuple)),
    st.builds(Ping, u32),
    st.builds(GoAway, ids, u32),
    st.builds(Headers, ids, blocks, st.booleans()),
    st.builds(WindowUpdate, ids, u32),
)
names = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=12)
values = st.text(st.characters(max_codepoint=255), max_size=20)
sides = st.integers(0, 1)
choices = st.randoms(use_true_random=False)
headers = st.dictionaries(names, values, max_size=5)


def joined(found: list[Frame]) -> list[Frame]:
    """Pieces of one data frame as one."""
    whole: list[Frame] = []
    for frame in found:
        match whole[-1:], frame:
            case [Data(stream_id, begin, False)], Data(same, end, is_last) if same == stream_id:
                whole[-1] = Data(stream_id, begin + end, is_last)
            case _:
                whole.append(frame)
    return whole


def cut(data: bytes, at: list[int]) -> list[bytes]:
    ends = sorted({min(end, len(data)) for end in at} | {0, len(data)})
    return [data[begin:end] for begin, end in pairwise(ends)]


@given(st.lists(frames, max_size=6), st.lists(st.integers(0, 400), max_size=8))
def test_any_split_gives_the_same_frames(sent: list[Frame], at: list[int]) -> None:
    reader = FrameReader()
    data = b"".join(map(emit_frame, sent))
    found = [frame for piece in cut(data, at) for frame in reader.feed(piece)]
    assert joined(found) == joined(sent)


@given(st.lists(headers, max_size=5))
def test_header_blocks_of_one_connection(sent: list[dict[str, str]]) -> None:
    compressor, decompressor = HeaderCompressor(), HeaderDecompressor()
    assert [decompressor.parse(compressor.emit(one)) for one in sent] == sent


@given(st.sampled_from(sorted(CHANNEL_PROTOCOLS)), st.integers(0, 63), st.binary(max_size=40))
def test_channels(name: str, channel: int, data: bytes) -> None:
    protocol, message = CHANNEL_PROTOCOLS[name], ChannelData(channel, data)
    assert parse_message(emit_message(message, protocol), protocol) == message
    if protocol.has_close:
        end = replace(message, data=b"", is_end=True)
        assert parse_message(emit_message(end, protocol), protocol) == end


class TwoSessions(RuleBasedStateMachine):
    """A client and a server, whatever each does and however late the other hears of it."""

    def __init__(self) -> None:
        super().__init__()
        self.ends = (Session(is_client=True), Session(most_streams=4))
        self.wires = [b"", b""]  # to the client, to the server
        self.sent: tuple[dict[int, bytes], dict[int, bytes]] = (defaultdict(bytes), defaultdict(bytes))
        self.heard: tuple[dict[int, bytes], dict[int, bytes]] = (defaultdict(bytes), defaultdict(bytes))
        self.known: tuple[set[int], set[int]] = (set(), set())
        self.lossy: set[int] = set()

    @rule(found=headers)
    @precondition(lambda self: len(self.known[0]) < 12)
    def open(self, found: dict[str, str]) -> None:
        self.known[0].add(self.ends[0].open(found))

    @rule(who=sides, which=choices, data=st.binary(max_size=9), last=st.booleans())
    def send(self, who: int, which, data: bytes, last: bool) -> None:  # type: ignore[no-untyped-def]
        open_ = [one for one in sorted(self.known[who]) if self.ends[who].has(one)]
        if open_:
            stream = which.choice(open_)
            try:
                self.ends[who].send(stream, data, is_last=last)
            except ConnectionError:
                return
            self.sent[who][stream] += data

    @rule(who=sides, which=choices)
    def reset(self, who: int, which) -> None:  # type: ignore[no-untyped-def]
        if self.known[who]:
            stream = which.choice(sorted(self.known[who]))
            self.ends[who].reset(stream)
            self.lossy.add(stream)

    @rule(who=sides, size=st.integers(1, 200))
    def deliver(self, who: int, size: int) -> None:
        self.wires[who] += self.ends[1 - who].output()
        data, self.wires[who] = self.wires[who][:size], self.wires[who][size:]
        for event in self.ends[who].receive(data):
            match event:
                case Opened(stream_id):
                    assert who == 1
                    self.known[1].add(stream_id)
                case Received(stream_id, piece):
                    self.heard[who][stream_id] += piece
                case WasReset(stream_id):
                    self.lossy.add(stream_id)
                case Broken(reason):
                    raise AssertionError(reason)

    @invariant()
    def what_is_heard_was_sent_in_order(self) -> None:
        for who in (0, 1):
            for stream, data in self.heard[who].items():
                assert self.sent[1 - who][stream].startswith(data)

    def teardown(self) -> None:
        for _ in range(3):
            for who in (0, 1):
                self.deliver(who, 1 << 20)
        for who in (0, 1):
            for stream in set(self.sent[1 - who]) - self.lossy:
                assert self.heard[who][stream] == self.sent[1 - who][stream]


TestTwoSessions = TwoSessions.TestCase
