"""Fuzz targets: each takes any bytes and may not raise."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

from bronzewillow.testing.fuzzed_stack import any_stack
from bronzewillow.wire import arp, ethernet, geneve, icmp, icmpv6, ipv4, ipv6, tcp, udp, vxlan
from bronzewillow.wire.checksum import Buffer, PartialPolicy
from bronzewillow.wire.encap import Encap
from bronzewillow.wire.errors import WireError
from bronzewillow.wire.kernel import Coalescer
from bronzewillow.wire.packet import TcpPacket
from runtime import gguf
from runtime.images.errors import ImageError
from runtime.images.manifest import Manifest, parse_manifest
from runtime.images.model_image import read_model_image
from runtime.images.modelfile import parse_modelfile
from runtime.images.reference import parse_reference
from runtime.imagestore.errors import ArchiveError
from runtime.imagestore.tar import open_tar
from runtime.streaming.channels import CHANNEL_PROTOCOLS, parse_message
from runtime.streaming.errors import ProtocolError
from runtime.streaming.headers import HeaderDecompressor
from runtime.streaming.session import Session
from runtime.streaming.terminal_size import SizeReader
from runtime.streaming.upgrade import Handshake, Refused
from runtime.templates.chat import parse_chat_template
from runtime.templates.errors import TemplateError

CORPUS = Path(__file__).parent / "corpus"
ADDRESSES = (b"\x0a\xf4\x01\x02", b"\x0a\xf4\x07\x0a")
ADDRESSES_V6 = (bytes(15) + b"\1", bytes(15) + b"\2")
TRUST = PartialPolicy.ALWAYS
"""Checksums trusted: a mutation would hardly ever get past them."""


def parser(parse: Callable[[Buffer], object]) -> Callable[[bytes], None]:
    """Returns or raises WireError, and takes a view as it takes bytes."""

    def target(data: bytes) -> None:
        for buffer in (data, memoryview(data)):
            try:
                parse(buffer)
            except WireError as error:
                assert error.reason

    return target


def coalescer(encap: Encap) -> Callable[[bytes], None]:
    """The first byte is the piece length; every datagram is delivered or counted."""

    def target(data: bytes) -> None:
        kernel = Coalescer(encap, None, TRUST)
        kernel.add(data[1:], data[0] if data else 0, "peer")
        pieces = sum(packet.pieces if isinstance(packet, TcpPacket) else 1 for _, packet in kernel.flush())
        assert kernel.datagrams == pieces + sum(kernel.drops.values())

    return target


def text_parser(parse: Callable[[str], object], *kinds: type[Exception]) -> Callable[[bytes], None]:
    """Returns, or raises one of `kinds` with one line."""

    def target(data: bytes) -> None:
        try:
            parse(data.decode(errors="surrogateescape"))
        except kinds as error:
            assert str(error) and "\n" not in str(error)

    return target


def model_image(data: bytes) -> None:
    """Manifest and configuration, a zero byte between them."""
    raw, _, config = data.partition(b"\0")
    try:
        manifest = parse_manifest(raw)
        if isinstance(manifest, Manifest):
            read_model_image(manifest, config)
    except ImageError as error:
        assert "\n" not in str(error)


def gguf_header(data: bytes) -> None:
    """A whole file; what it says of itself can be asked for."""
    try:
        header = gguf.parse_header(data)
    except gguf.GgufError as error:
        assert "\n" not in str(error)
        return
    numbers = (header.memory_bytes(4096), header.trained_context_tokens, header.shards, header.pooling)
    assert numbers and header.quantisation is not None


def archive(data: bytes) -> None:
    """A tar; checksums of its headers are made right first, or hardly a mutation would get past them."""
    blocks = [bytearray(data[at : at + 512]) for at in range(0, len(data), 512)]
    for block in blocks:
        if block[257:262] == b"ustar" and len(block) == 512:
            block[148:156] = b" " * 8
            block[148:156] = b"%06o\0 " % sum(block)
    try:
        with open_tar(io.BytesIO(b"".join(blocks)), ArchiveError) as files:
            for _, file in files:
                while file.read(1 << 20):
                    pass
    except ArchiveError as error:
        assert "\n" not in str(error)


def spdy(data: bytes) -> None:
    """A server takes any bytes, in any pieces, and says no more than it was told."""
    session = Session(most_streams=8)
    step = data[0] + 1 if data else 1
    for at in range(1, len(data), step):
        list(session.receive(data[at : at + step]))
    assert len(session.output()) <= 40 * len(data) + 100


def spdy_headers(data: bytes) -> None:
    """A block of its own."""
    try:
        HeaderDecompressor().parse(data)
    except ProtocolError as error:
        assert "\n" not in str(error)


def stream_channels(data: bytes) -> None:
    """A message in each protocol, and what it says of a terminal."""
    for protocol in CHANNEL_PROTOCOLS.values():
        try:
            found = parse_message(data, protocol)
            list(SizeReader().feed(found.data if found is not None else b""))
        except ProtocolError as error:
            assert "\n" not in str(error)


def stream_upgrade(data: bytes) -> None:
    """A request, granted or refused, is answered."""
    handshake = Handshake()
    try:
        request = handshake.receive(data)
        if request is not None:
            assert handshake.accept(request, None).startswith(b"HTTP/1.1 101")
    except Refused as refused:
        assert "\n" not in str(refused) and isinstance(handshake.refuse(refused), bytes)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "archive": archive,
    "arp": parser(arp.parse_arp),
    "ethernet": parser(ethernet.parse_ethernet),
    "gguf": gguf_header,
    "geneve": parser(geneve.parse_geneve),
    "icmp": parser(lambda data: icmp.parse_icmp(data, partial=TRUST)),
    "icmp_quoted": parser(icmp.parse_quoted),
    "icmpv6": parser(lambda data: icmpv6.parse_icmpv6(data, *ADDRESSES_V6, partial=TRUST)),
    "icmpv6_quoted": parser(icmpv6.parse_quoted),
    "ipv4": parser(ipv4.parse_ipv4),
    "ipv6": parser(ipv6.parse_ipv6),
    "image": model_image,
    "kernel_geneve": coalescer(Encap.GENEVE),
    "kernel_vxlan": coalescer(Encap.VXLAN),
    "modelfile": text_parser(parse_modelfile, ImageError),
    "reference": text_parser(parse_reference, ImageError),
    "spdy": spdy,
    "stack": any_stack,
    "spdy_headers": spdy_headers,
    "stream_channels": stream_channels,
    "stream_upgrade": stream_upgrade,
    "tcp": parser(lambda data: tcp.parse_tcp(data, *ADDRESSES, partial=TRUST)),
    "tcp_options": parser(tcp.parse_options),
    "template": text_parser(parse_chat_template, TemplateError),
    "udp": parser(lambda data: udp.parse_udp(data, *ADDRESSES, partial=TRUST)),
    "vxlan": parser(vxlan.parse_vxlan),
}
