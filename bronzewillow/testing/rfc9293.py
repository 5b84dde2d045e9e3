"""The requirements of RFC 9293 under the numbers of its appendix B, and where this stack differs on purpose.

Every MUST, SHLD and REC is either shown by a test that carries its label or stands in `DEVIATIONS`; a MAY is
listed where it is done. `bronzewillow.testing.rfc_coverage` makes a page of it and checks that.
"""

from __future__ import annotations

REQUIREMENTS: dict[str, str] = {
    # the PUSH flag
    "MUST-60": "a sender without a PUSH call does not hold data back for ever",
    "MUST-61": "a sender without a PUSH call sets PSH on the last segment of what is buffered",
    "SHLD-27": "successive PSH bits are collapsed",
    "SHLD-28": "segments are of the largest size when there is enough data",
    # the window
    "MUST-1": "the window field is unsigned",
    "REC-1": "windows are kept in 32 bits",
    "SHLD-14": "a receiver does not shrink its window",
    "SHLD-15": "no new data is sent into a window that shrank",
    "SHLD-16": "old data within a window that shrank is sent again",
    "SHLD-17": "data beyond the right edge does not time the connection out",
    "MUST-34": "a peer's shrinking window is survived",
    "MUST-35": "a zero window is probed as the RFC describes",
    "MUST-36": "a zero window is probed, though nothing else is to be sent",
    "SHLD-29": "the first probe leaves when the window has been zero for an RTO",
    "SHLD-30": "the time between probes grows exponentially",
    "MUST-37": "a window may stay zero for ever while the peer answers",
    "MUST-66": "RST and URG count at a zero window",
    # urgent data
    "MUST-30": "the urgent mechanism is supported",
    "MUST-31": "urgent data may be of any length",
    "MUST-32": "the user is told of urgent data at once",
    "MUST-33": "the user can learn how much urgent data is left",
    "MUST-62": "the urgent pointer names the octet after the urgent data",
    "SHLD-13": "new applications do not use urgent data",
    # options
    "MUST-4": "end of list, no operation and MSS are known",
    "MUST-5": "options may stand in any segment",
    "MUST-6": "unknown options are skipped by their length",
    "MUST-7": "an illegal option length is coped with",
    "MUST-14": "the MSS option is sent and received",
    "MUST-15": "without an MSS option segments have 536 bytes over IPv4 and 1,220 over IPv6",
    "MUST-16": "the effective send MSS is the smaller of both ends' less the options",
    "MUST-64": "options need no alignment",
    "MUST-65": "MSS stands in SYN segments only",
    "MUST-67": "the MSS sent follows from what IP can reassemble",
    "MUST-68": "every option but the two of one byte has its length",
    "MUST-69": "what follows the end of the list is zero",
    "SHLD-5": "MSS is sent in every SYN, unless it is the default",
    "SHLD-6": "segments fit the path MTU, should it vary",
    # checksums
    "MUST-2": "a sender computes the checksum",
    "MUST-3": "a receiver checks it",
    # initial sequence numbers
    "MUST-8": "they are driven by a clock",
    "MUST-9": "nobody outside can compute them",
    "SHLD-1": "a pseudorandom function of the connection is part of them",
    # opening
    "MUST-10": "simultaneous opens meet",
    "MUST-11": "SYN-RECEIVED remembers whether it came from LISTEN or from SYN-SENT",
    "MUST-41": "a passive open does not disturb connections that are there",
    "MUST-42": "a port can be listened on while a connection from it is being opened",
    "MUST-43": "OPEN takes a local address",
    "MUST-44": "the source address of a SYN is asked of IP where none is given",
    "MUST-45": "all segments of a connection come from its local address",
    "MUST-46": "OPEN to an address of a group or of nobody is refused",
    "MUST-57": "a SYN to a broadcast or multicast address is discarded silently",
    "MUST-63": "a SYN from an invalid address is ignored",
    # closing
    "SHLD-2": "a RST may carry data",
    "MUST-12": "the user learns that a connection was aborted rather than closed",
    "SHLD-3": "CLOSE with unread data sends a RST, so that the peer learns of the loss",
    "MUST-13": "who closes first stays in TIME-WAIT for 2 MSL",
    "SHLD-4": "timestamps shorten TIME-WAIT",
    # retransmission
    "MUST-18": "no RTT sample from what was sent twice (Karn)",
    "MUST-19": "the timeout backs off; slow start and congestion avoidance",
    "MUST-20": "the connection closes at R2; at R1 IP is told",
    "MUST-21": "the user can set R2",
    "SHLD-9": "the user is told of delivery trouble between R1 and R2",
    "SHLD-10": "R1 is at least three retransmissions",
    "SHLD-11": "R2 is at least 100 s",
    "MUST-22": "SYNs are retried in the same way",
    "MUST-23": "R2 of a SYN is at least 3 minutes",
    # acknowledgments
    "MUST-58": "acknowledgments are aggregated",
    "MUST-59": "all queued segments are processed before an ACK is sent",
    "MUST-40": "an ACK is delayed by less than 0.5 s",
    "MUST-39": "the receiver avoids silly windows",
    "SHLD-18": "ACKs are delayed",
    "SHLD-19": "every second full-sized segment is acknowledged",
    "SHLD-31": "segments out of order are queued",
    # sending
    "MUST-49": "the TTL is configurable",
    "MUST-38": "the sender avoids silly windows",
    "SHLD-7": "Nagle's algorithm is there",
    "MUST-17": "and can be disabled for a connection",
    # keep-alive
    "MUST-24": "a connection's user can switch keep-alives on and off",
    "MUST-25": "they are off by default",
    "MUST-26": "they are sent only after silence for an interval",
    "MUST-27": "the interval is configurable",
    "MUST-28": "its default is two hours or more",
    "MUST-29": "one unanswered probe does not mean a dead connection",
    "SHLD-12": "a probe carries no data",
    # IP options
    "MUST-50": "IP options that TCP does not understand are ignored",
    "MUST-51": "an active open can give a source route",
    "MUST-52": "which has precedence over one that arrived",
    "MUST-53": "a passive open sends back along the route by which it came",
    "SHLD-24": "a later source route replaces the earlier",
    # ICMP
    "MUST-54": "ICMP errors reach the connection that caused them",
    "MUST-55": "Source Quench is discarded silently",
    "MUST-56": "soft errors do not abort a connection",
    "SHLD-25": "the user can learn of soft errors",
    "SHLD-26": "hard errors abort a connection",
    # the user's interface
    "MUST-47": "soft errors are reported in some way",
    "SHLD-20": "the user can do without these reports",
    "MUST-48": "the user can set the Diffserv field",
    "SHLD-21": "also during the connection",
    "SHLD-22": "and it reaches IP unchanged",
    "SHLD-23": "though an application does not do so often",
    # congestion
    "SHLD-8": "ECN",
    # what is allowed
    "MAY-1": "a half-duplex close",
    "MAY-2": "a SYN may reopen a connection in TIME-WAIT",
    "MAY-3": "MSS is sent always",
    "MAY-7": "old data beyond a window that shrank is sent again",
    "MAY-8": "our window may stay closed for ever",
    "MAY-12": "protection against injected data (RFC 5961 5)",
    "MAY-13": "segments out of order are acknowledged at once",
    "MAY-18": "another conformant congestion control",
}

DEVIATIONS: dict[str, str] = {
    "MUST-13": "2 MSL are 60 s here, not 4 minutes, as in every current kernel; `TcpConfig.time_wait`.",
    "MUST-20": "Nobody is told at R1: a stack has one route, and so no gateway to choose instead.",
    "MUST-32": "No event: a userspace connection is an asyncio transport, which knows none. RFC 6093 6 asks "
    "new applications not to use urgent data; it is delivered in line.",
    "MUST-33": "As MUST-32.",
    "MUST-43": "A stack has one address; choosing the stack is choosing it.",
    "MUST-51": "Source routes are dropped, as RFC 7126 4.3 and 4.4 and RFC 5095 advise; so none is sent.",
    "MUST-52": "As MUST-51.",
    "MUST-53": "As MUST-51.",
    "MUST-62": "Nothing urgent is ever sent.",
    "SHLD-3": "Unread bytes do not turn a clean close into a reset: what still arrives is discarded, and "
    "only past `TcpConfig.linger_bytes` the peer gets a RST. Proxies that do otherwise truncate answers.",
    "SHLD-13": "A rule for applications.",
    "SHLD-23": "A rule for applications.",
    "SHLD-24": "As MUST-51.",
    "SHLD-26": "Only while a connection is being opened: RFC 5927 5.2 and every current kernel take an ICMP "
    "error about an established connection for a soft one, since anybody can forge it.",
}
"""What is not done, or done otherwise, and why. A label may stand beside it for the part that is done."""
