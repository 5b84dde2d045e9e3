# C types for _kernel.py when it is compiled. Numbers that wrap or overflow in C must be written so that they cannot:
# sums of 16-bit words fit 32 bits for any length that a datagram has, and such sums added to each other 64.
cimport cython

cdef bint COMPILED
cdef int _FIN
cdef int _SYN
cdef int _RST
cdef int _PSH
cdef int _ACK
cdef int _URG
cdef int _CWR
cdef int _MAX_BYTES

@cython.locals(total=cython.uint, at=cython.Py_ssize_t)
cdef unsigned long long _sum_words(const unsigned char* data, Py_ssize_t start, Py_ssize_t end) except? 0xFFFFFFFF


@cython.locals(offset=cython.Py_ssize_t)
cdef void _copy(
    unsigned char* out, Py_ssize_t at, const unsigned char* data, Py_ssize_t start, Py_ssize_t end
) noexcept


@cython.final
cdef class _Run:
    cdef object origin
    cdef bytes data
    cdef Py_ssize_t at
    cdef Py_ssize_t address_bytes
    cdef list parts
    cdef Py_ssize_t payload_bytes
    cdef bytes options
    cdef unsigned int seq
    cdef unsigned int next_seq
    cdef unsigned int ack
    cdef unsigned int wnd
    cdef unsigned int flags
    cdef unsigned int tos_ttl

    @cython.locals(at=cython.Py_ssize_t, destination=cython.Py_ssize_t, data=bytes, parts=list)
    cdef object packet(self)


cdef class Coalescer:
    cdef object _encap
    cdef bint _geneve
    cdef int _vni
    cdef bint _verify
    cdef bint _accept_partial
    cdef bint _looks_at_macs
    cdef bint _notes_macs
    cdef bytes _mac
    cdef list _out
    cdef dict _flows
    cdef public dict drops
    cdef public dict foreign_macs
    cdef public dict partial_checksums
    cdef public Py_ssize_t datagrams

    @cython.locals(
        data=bytes,
        total_bytes=cython.Py_ssize_t,
        start=cython.Py_ssize_t,
        end=cython.Py_ssize_t,
        flows=dict,
    )
    cpdef object add(self, object train, Py_ssize_t piece_bytes, object origin)

    @cython.locals(out=list, run=_Run)
    cpdef list flush(self)

    @cython.locals(
        ip=cython.Py_ssize_t,
        ethertype=cython.uint,
        address_bytes=cython.Py_ssize_t,
        addresses=cython.Py_ssize_t,
        at=cython.Py_ssize_t,
        packet_end=cython.Py_ssize_t,
        payload_at=cython.Py_ssize_t,
        payload_bytes=cython.Py_ssize_t,
        length=cython.ulonglong,
        pseudo_sum=cython.ulonglong,
        seq=cython.uint,
        ack=cython.uint,
        wnd=cython.uint,
        flags=cython.uint,
        tos_ttl=cython.uint,
        options=bytes,
        key=bytes,
        merges=cython.bint,
        are_macs_right=cython.bint,
        run=_Run,
    )
    cdef bint _add_tcp(
        self, bytes data, Py_ssize_t start, Py_ssize_t end, object origin, dict flows
    ) except -1

    @cython.locals(mac=bytes)
    cdef bint _are_macs_right(self, bytes data, Py_ssize_t at) except -1

    cdef object _add_other(self, bytes datagram, object origin, dict flows)

    cdef object _parse(self, bytes datagram, object origin)

    cdef object _look_at_macs(self, object frame, object origin)


@cython.locals(
    payload=bytes,
    options=bytes,
    template=bytes,
    out=bytearray,
    payload_bytes=cython.Py_ssize_t,
    mss=cython.Py_ssize_t,
    ip=cython.Py_ssize_t,
    address_bytes=cython.Py_ssize_t,
    counted=cython.Py_ssize_t,
    at=cython.Py_ssize_t,
    tcp_header_bytes=cython.Py_ssize_t,
    header_bytes=cython.Py_ssize_t,
    pieces=cython.Py_ssize_t,
    base=cython.Py_ssize_t,
    body=cython.Py_ssize_t,
    tcp_at=cython.Py_ssize_t,
    taken=cython.Py_ssize_t,
    upto=cython.Py_ssize_t,
    total=cython.Py_ssize_t,
    tcp_length=cython.ulonglong,
    ip_sum=cython.ulonglong,
    tcp_sum=cython.ulonglong,
    words=cython.ulonglong,
    checksum=cython.uint,
    seq=cython.uint,
    flags=cython.uint,
    piece_flags=cython.uint,
    first_only=cython.uint,
    last_only=cython.uint,
)
cpdef tuple segment(bytes encap_header, object packet)
