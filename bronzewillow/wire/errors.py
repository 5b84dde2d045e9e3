"""Why a packet was not used: the one list of reasons that every layer counts by."""

from __future__ import annotations

from enum import StrEnum


class DropReason(StrEnum):
    """A reason to drop; the value is the label of the metric."""

    # any header
    TRUNCATED = "truncated"
    """Shorter than its headers or its own length fields say."""
    OVERSIZE = "oversize"
    """Larger than what carries it."""
    # encapsulation
    VXLAN_FLAGS = "vxlan_flags"
    """The I bit is clear, or another flag bit is set (RFC 7348 5; kernel peers drop both)."""
    VXLAN_RESERVED = "vxlan_reserved"
    WRONG_VNI = "wrong_vni"
    GENEVE_VERSION = "geneve_version"
    GENEVE_CONTROL = "geneve_control"
    GENEVE_CRITICAL_OPTION = "geneve_critical_option"
    GENEVE_OPTION = "geneve_option"
    """An option that does not fit the option length (RFC 8926 3.5)."""
    GENEVE_PROTOCOL = "geneve_protocol"
    UNKNOWN_OUTER_SOURCE = "unknown_outer_source"
    """The datagram comes from an address that is no known node."""
    SPOOFED_INNER_SOURCE = "spoofed_inner_source"
    """The inner source address does not belong to the node that sent it."""
    CONGESTION = "congestion"
    """The underlay has marked it, and its sender would not understand the mark: RFC 6040 4.2."""
    UNKNOWN_INNER_DESTINATION = "unknown_inner_destination"
    # layer 2
    FOREIGN_MAC = "foreign_mac"
    """The frame is for another MAC than ours, as a neighbour entry that is no longer right makes it."""
    LOOPED_FRAME = "looped_frame"
    """The frame says that we have sent it."""
    UNSUPPORTED_ETHERTYPE = "unsupported_ethertype"
    VLAN_TAGGED = "vlan_tagged"
    BAD_ARP = "bad_arp"
    """No Ethernet and IPv4 ARP packet (RFC 826)."""
    # layer 3
    IP_VERSION = "ip_version"
    IP_HEADER = "ip_header"
    """IPv4: header length below 20 bytes, or a total length below the header length."""
    BAD_IP_CHECKSUM = "bad_ip_checksum"
    IP_OPTIONS = "ip_options"
    """A malformed option, or one of IPv6 that is to be discarded where it is not known (RFC 8200 4.2)."""
    IP_EXTENSION = "ip_extension"
    """IPv6 extension headers out of their order, or too many of them (RFC 8200 4.1, RFC 8504 5.3)."""
    SOURCE_ROUTE = "source_route"
    """A loose or strict source route option (RFC 7126 4.3, 4.4), or a routing header with segments left."""
    IP_ADDRESS = "ip_address"
    """An address that may not stand in this field (RFC 1122 3.2.1.3, RFC 4291 2.7)."""
    FRAGMENT = "fragment"
    """A fragment that cannot belong to any packet, or overlaps another."""
    REASSEMBLY_LIMIT = "reassembly_limit"
    REASSEMBLY_TIMEOUT = "reassembly_timeout"
    NO_ROUTE = "no_route"
    UNSUPPORTED_PROTOCOL = "unsupported_protocol"
    # layer 4
    BAD_ICMP = "bad_icmp"
    """An ICMP message whose body does not fit its type."""
    UNSUPPORTED_ICMP = "unsupported_icmp"
    BAD_ICMP_CHECKSUM = "bad_icmp_checksum"
    BAD_UDP_LENGTH = "bad_udp_length"
    BAD_UDP_CHECKSUM = "bad_udp_checksum"
    TCP_HEADER = "tcp_header"
    """The data offset is below 20 bytes or past the end."""
    BAD_TCP_CHECKSUM = "bad_tcp_checksum"
    TCP_PORT = "tcp_port"
    """Port zero."""
    TCP_FLAGS = "tcp_flags"
    """A combination of flags that no TCP sends."""
    TCP_OUT_OF_WINDOW = "tcp_out_of_window"
    TCP_PAWS = "tcp_paws"
    """An old timestamp (RFC 7323 5)."""
    TCP_BAD_ACK = "tcp_bad_ack"
    TCP_NO_CONNECTION = "tcp_no_connection"
    NO_LISTENER = "no_listener"
    # limits
    BACKLOG_FULL = "backlog_full"
    CONNECTION_LIMIT = "connection_limit"
    BUFFER_LIMIT = "buffer_limit"
    POLICY_DENIED = "policy_denied"


class WireError(Exception):
    """Malformed bytes. The only exception that a parser raises, for any input."""

    def __init__(self, reason: DropReason) -> None:
        super().__init__(reason.value)
        self.reason = reason
