# The compiled twin of _kernel.py.
from bronzewillow.wire._kernel import Coalescer as Coalescer
from bronzewillow.wire._kernel import encap_packet as encap_packet
from bronzewillow.wire._kernel import segment as segment
