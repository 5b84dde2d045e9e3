from __future__ import annotations

from bronzewillow.testing.lab.scenario_ends import tcp_states

TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1
   1: 0B01F40A:D3A2 0A07F40A:1B58 06 00000000:00000000 03:00000B2C 00000000     0        0 0 3
   2: 0B01F40A:D3A3 0A07F40A:1B58 05 00000000:00000000 03:00000B2C 00000000     0        0 0 3
   3: 0B01F40A:D3A4 0A07F40A:1B59 06 00000000:00000000 03:00000B2C 00000000     0        0 0 3
"""


def test_states_by_local_port_of_one_remote_port() -> None:
    assert tcp_states(TABLE, 7000) == {0xD3A2: "TIME_WAIT", 0xD3A3: "FIN_WAIT_2"}


def test_an_empty_table() -> None:
    assert tcp_states(TABLE.splitlines()[0], 7000) == {}
