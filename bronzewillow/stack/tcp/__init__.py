"""TCP as RFC 9293 has it. Read RFC 9293 3.3 and 3.10 before editing anything here.

============== ======================================================= =========================
file           what                                                    read
============== ======================================================= =========================
state          the eleven states and their legal transitions           RFC 9293 3.3.2
tcb            the variables of one connection                         RFC 9293 3.3.1
connection     the user's calls, and the parts put together            RFC 9293 3.9.1, 3.10.1-6
input          SEGMENT ARRIVES, step by step                           RFC 9293 3.10.7, RFC 5961
acknowledgment what an acceptable ACK says                             RFC 9293 3.10.7.4, 2018
options        what we offer on a SYN and agree on                     RFC 7323, RFC 2018, RFC 6691
output         what may be sent now, in super-segments                 RFC 9293 3.8.6, RFC 6675
send_buffer    bytes accepted from the user and not acknowledged       RFC 9293 3.8
receive_window how much we offer to receive                            RFC 9293 3.8.6
reassembly     bytes that arrived early, and the SACK blocks of them   RFC 9293 3.10.7.4, 2018
flight         what is sent and not acknowledged, range by range       RFC 6675 2
recovery       when a range is lost, and what that means               RFC 6675, RFC 6582
rack           lost is what something sent later has overtaken         RFC 8985 6
spurious       whether a recovery was for nothing                      RFC 3522, 3708, 9438 4.9
frto           whether a timeout was, where no timestamp tells         RFC 5682
prr            how much leaves for each ACK of a fast recovery         RFC 9937
loss_probe     a segment that makes the peer say what it has           RFC 8985 7
rtt            the round-trip estimator and the retransmission timeout RFC 6298
congestion/    cwnd and ssthresh                                       RFC 5681, RFC 9438
timers         one connection's timers, and the stack's queue of them  RFC 9293 3.8
ecn            marks in place of losses                                RFC 3168 6.1
listener       passive opens and the bound on half-open ones           RFC 4987
path_probe     black holes, and the size that gets through            RFC 4821, RFC 8899
memory         what all connections hold in buffers, bounded          -
syn_cookies    a flood of SYNs, answered without memory                RFC 4987 3.6
isn            initial sequence numbers                                RFC 6528
demux          all connections of a stack; segments for none of them   RFC 9293 3.10.7.1
============== ======================================================= =========================
"""
