"""docs/tcp-cases.md: what reviewers try and what users of other stacks reported, each with its tests.

A test says which case it shows by `@pytest.mark.case("case-5")`. `make rfc-coverage` writes the page.
"""

from __future__ import annotations

from pathlib import Path

from bronzewillow.testing.marks import Mark, marks

PAGE = Path("docs/tcp-cases.md")

CASES: dict[str, str] = {
    "case-1": "a SYN sent again, a SYN-ACK lost: one connection, the same ISN",
    "case-2": "thousands of spoofed SYNs: memory is bounded, a real client still connects",
    "case-3": "the ACK of the handshake is lost and data comes",
    "case-4": "simultaneous open; a connection to oneself",
    "case-5": "RST: at RCV.NXT it ends, in the window it is challenged, elsewhere nothing; no RST answers it",
    "case-6": "SYN in ESTABLISHED is challenged, at a rate of each connection",
    "case-7": "an ACK of what was never sent, or older than the largest window",
    "case-8": "sequence numbers wrap with SACK blocks across",
    "case-9": "overlaps with other bytes; single bytes in reverse order",
    "case-10": "hostile MSS, malformed options",
    "case-11": "crafted SACK blocks, DSACK, reneging, a scoreboard cut to pieces",
    "case-12": "a window that shrinks below the flight, closes, and whose opening is lost",
    "case-13": "FIN out of order, with data, at a zero window, again in TIME-WAIT, from both at once",
    "case-14": "half-close each way through the proxy; unread bytes make no RST",
    "case-15": "a client that vanishes while closing; tens of thousands of connections leave nothing",
    "case-16": "a port is used again in TIME-WAIT; stale data is not delivered",
    "case-17": "the last segment is lost; a burst of 30 %; 1 % at 100 ms",
    "case-18": "reordering without loss",
    "case-19": "forged and true packet-too-big; a black hole without a word",
    "case-20": "the inner packet is too large for the underlay",
    "case-21": "fragments that overlap, are tiny, never end; atomic ones; chains of extension headers",
    "case-22": "checksums: wrong, zero, odd, unfinished by an offloading kernel",
    "case-23": "encapsulation: VNI, flags, options, cuts, tags, strangers, spoofed sources",
    "case-24": "SYN with ECE and CWR; timestamps that vanish",
    "case-25": "suspend and resume, a pause of the process; its end within a limit",
}

_GVISOR = "https://github.com/google/gvisor/issues"
REPORTS: dict[str, tuple[str, str]] = {
    "report-1": (f"{_GVISOR}/9778", "a coarse clock must not fool loss detection"),
    "report-2": (f"{_GVISOR}/7406", "a shaped path, a policer"),
    "report-3": (f"{_GVISOR}/11632", "the arithmetic of CUBIC overflowed"),
    "report-4": (f"{_GVISOR}/6113", "round trips of microseconds"),
    "report-5": (f"{_GVISOR}/10243", "a writer that was not woken"),
    "report-6": (f"{_GVISOR}/1398", "a peer with a small window starved by silly-window avoidance"),
    "report-7": (f"{_GVISOR}/11198", "ACKs in the middle of super-segments"),
    "report-8": (f"{_GVISOR}/10344", "a retransmitted super-segment starts another recovery"),
    "report-9": (f"{_GVISOR}/9816", "super-segments need headroom below 64 KiB"),
    "report-10": (f"{_GVISOR}/7075", "a SYN with ECN bits was reset"),
    "report-11": (f"{_GVISOR}/11536", "ACKs without the agreed timestamp"),
    "report-12": ("https://github.com/google/gvisor/pull/13165", "RFC 5961's rule of RST"),
    "report-13": (f"{_GVISOR}/11837", "buffer sizes are to be set"),
    "report-14": ("https://github.com/coder/coder/issues/13108", "loss within one process: back-pressure"),
    "report-15": ("https://github.com/tailscale/tailscale/pull/13138", "each offload needs a way without it"),
    "report-16": ("https://github.com/containers/gvisor-tap-vsock/issues/107", "networks never freed"),
    "report-17": ("https://github.com/tailscale/tailscale/pull/5809", "a stack outlives its owner"),
    "report-18": ("https://github.com/rootless-containers/slirp4netns/issues/350", "FIN-WAIT-2 for days"),
    "report-19": ("https://github.com/smol-machines/smolvm/issues/944", "FIN not passed on, slots run out"),
    "report-20": ("https://github.com/arcboxlabs/arcbox/pull/473", "close before the buffer has drained"),
    "report-21": ("https://github.com/moby/moby/issues/27539", "the same in a proxy"),
    "report-22": ("https://github.com/smoltcp-rs/smoltcp/issues/961", "buffers allocated for each SYN"),
    "report-23": (
        "https://github.com/smoltcp-rs/smoltcp/issues/62",
        "ACKs that restart the timer for ever; FINs lost",
    ),
    "report-24": (
        "https://github.com/smoltcp-rs/smoltcp/issues/893",
        "delayed ACKs with one segment per window",
    ),
    "report-25": (
        "https://github.com/superradcompany/microsandbox/issues/914",
        "a wake-up missing in the relay",
    ),
    "report-26": ("https://github.com/mitmproxy/mitmproxy/issues/8270", "wedged after abnormal ends"),
    "report-27": (
        "https://github.com/tailscale/tailscale/issues/7706",
        "MTU black holes; a probe's result unused",
    ),
    "report-28": ("https://github.com/denoland/clawpatrol/issues/790", "EMSGSIZE swallowed"),
    "report-29": ("https://github.com/flannel-io/flannel/pull/1282", "wrong checksums under offload"),
    "report-30": ("https://github.com/envoyproxy/envoy/issues/33474", "trains cut by short buffers"),
    "report-31": ("https://github.com/python/cpython/issues/91487", "a quadratic send buffer of datagrams"),
    "report-32": (
        "https://github.com/containers/podman/issues/18237",
        "no scaling, tiny reads, a spinning thread",
    ),
}

_HEAD = """# Hard cases of TCP

Made by `make rfc-coverage` from the marks of the tests; a test compares.

## What a review would try

| | case | shown by |
|---|---|---|
"""
_REPORTS = """
## What users of other stacks reported

| | what, and where one of the reports is | shown by |
|---|---|---|
"""


def problems(found: list[Mark]) -> list[str]:
    """Cases without a test, and marks of no case."""
    known, marked = {*CASES, *REPORTS}, {mark.text for mark in found}
    unknown = [f"there is no {name}" for name in sorted(marked - known)]
    return unknown + [f"{name} has no test" for name in (*CASES, *REPORTS) if name not in marked]


def render(found: list[Mark]) -> str:
    """The page."""

    def row(name: str, what: str) -> str:
        tests = "<br>".join(mark.link for mark in found if mark.text == name)
        return f"| {name} | {what} | {tests} |\n"

    cases = [row(name, what) for name, what in CASES.items()]
    reports = [row(name, f"[{what}]({url})") for name, (url, what) in REPORTS.items()]
    return "".join((_HEAD, *cases, _REPORTS, *reports))


def main() -> None:
    """Write the page; run in the root of the tree."""
    found = marks(Path.cwd(), "case")
    if wrong := problems(found):
        raise SystemExit("\n".join(f"tcp_cases: {problem}" for problem in wrong))
    PAGE.write_text(render(found), encoding="utf-8")


if __name__ == "__main__":
    main()
