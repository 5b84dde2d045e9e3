from __future__ import annotations

import pytest

from runtime.streaming.errors import StreamReset
from runtime.streaming.frames import (
    Data,
    Frame,
    FrameReader,
    GoAway,
    GoAwayStatus,
    Ping,
    ResetStatus,
    RstStream,
    SynStream,
    emit_frame,
)
from runtime.streaming.headers import HeaderCompressor
from runtime.streaming.session import Broken, Event, GoingAway, Opened, Received, Session, WasReset


class Both:
    """A client and a server, joined."""

    def __init__(self, most_streams: int = 512) -> None:
        self.client, self.server = Session(is_client=True), Session(most_streams=most_streams)

    def to_server(self) -> list[Event]:
        return list(self.server.receive(self.client.output()))

    def to_client(self) -> list[Event]:
        return list(self.client.receive(self.server.output()))


def said(session: Session) -> list[Frame]:
    return list(FrameReader().feed(session.output()))


def test_a_stream_from_its_opening_to_its_end() -> None:
    both = Both()
    one = both.client.open({"streamtype": "stdin"})
    two = both.client.open({"streamtype": "error"})
    assert (one, two) == (1, 3)
    both.client.send(one, b"in")
    both.client.send(one, b"", is_last=True)
    assert both.to_server() == [
        Opened(1, {"streamtype": "stdin"}), Opened(3, {"streamtype": "error"}),
        Received(1, b"in", False), Received(1, b"", True),
    ]  # fmt: skip
    both.server.send(1, b"out", is_last=True)
    assert both.to_client() == [Received(1, b"out", True)]
    assert not both.server.has(1) and not both.client.has(1) and both.server.has(3)
    with pytest.raises(StreamReset):
        both.server.send(1, b"more")


def test_half_closed_is_closed_for_one_direction_only() -> None:
    both = Both()
    both.client.open({})
    both.to_server()
    both.server.send(1, b"", is_last=True)
    with pytest.raises(StreamReset):
        both.server.send(1, b"x")
    both.to_client()
    both.client.send(1, b"still", is_last=True)
    assert both.to_server() == [Received(1, b"still", True)]


def test_resets() -> None:
    both = Both()
    both.client.open({})
    both.client.open({})
    both.to_server()
    both.client.reset(1)
    both.client.reset(1)
    both.client.send(3, b"x")
    assert both.to_server() == [WasReset(1, ResetStatus.CANCEL), Received(3, b"x", False)]
    both.server.reset(3, ResetStatus.INTERNAL_ERROR)
    both.client.send(3, b"on its way")  # before it knows
    assert both.to_client() == [WasReset(3, ResetStatus.INTERNAL_ERROR)]
    assert both.to_server() == [] and both.server.output() == b""


def test_streams_have_a_bound() -> None:
    both = Both(most_streams=2)
    for _ in range(3):
        both.client.open({})
    assert [event.stream_id for event in both.to_server() if isinstance(event, Opened)] == [1, 3]
    assert both.to_client() == [WasReset(5, ResetStatus.REFUSED_STREAM)]
    both.client.reset(1)
    both.client.open({"n": "4"})  # a refused one's headers were read all the same
    assert both.to_server() == [WasReset(1, ResetStatus.CANCEL), Opened(7, {"n": "4"})]


def test_pings() -> None:
    server = Session()
    assert list(server.receive(emit_frame(Ping(7)))) == []
    assert said(server) == [Ping(7)]
    server.ping()
    assert said(server) == [Ping(2)]
    assert list(server.receive(emit_frame(Ping(2)))) == [] and said(server) == []


def test_going_away() -> None:
    both = Both()
    both.client.open({})
    both.to_server()
    both.server.go_away()
    assert both.to_client() == [GoingAway(GoAwayStatus.OK)]


def test_data_of_a_stream_that_never_was() -> None:
    server = Session()
    assert list(server.receive(emit_frame(Data(9, b"x")))) == []
    assert said(server) == [RstStream(9, ResetStatus.INVALID_STREAM)]


def test_a_stream_that_only_comes() -> None:
    server, block = Session(), HeaderCompressor().emit({})
    opening = SynStream(1, block, is_last=True, is_unidirectional=True)
    assert list(server.receive(emit_frame(opening))) == [Opened(1, {}), Received(1, b"", True)]
    assert server.output() == b"" and not server.has(1)


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        ([SynStream(2, HeaderCompressor().emit({}))], "stream 2 cannot be opened"),
        ([SynStream(1, b"none")], "cannot be decompressed"),
        ([SynStream(1, HeaderCompressor().emit({}), is_last=True), Data(1, b"x")], "goes on after its end"),
    ],
    ids=["parity", "headers", "after the end"],
)
def test_a_peer_that_breaks_the_protocol(frames: list[Frame], words: str) -> None:
    server = Session()
    events = [event for frame in frames for event in server.receive(emit_frame(frame))]
    (broken,) = [event for event in events if isinstance(event, Broken)]
    assert words in broken.reason
    (end,) = [frame for frame in said(server) if isinstance(frame, GoAway)]
    assert end.status == GoAwayStatus.PROTOCOL_ERROR
    assert server.is_broken and list(server.receive(emit_frame(Ping(1)))) == []


def test_ids_go_up() -> None:
    server, compressor = Session(), HeaderCompressor()
    for stream_id in (3, 1):
        events = list(server.receive(emit_frame(SynStream(stream_id, compressor.emit({})))))
    assert isinstance(events[-1], Broken)
