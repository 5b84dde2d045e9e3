"""The pure half of llm-kubelet: desired pods, observed containers and time in, actions and exact status out.

No asyncio, socket, clock, randomness or environment. API objects are raw JSON, so that fields newer than
this code survive; what is observed (`observed`), asked for (`actions`) and answered (`outcomes`) are frozen
dataclasses. `now` is an Instant: integer microseconds since any start, monotonic, always last. `wall` is
microseconds since 1970.

One `pod_machine.PodMachine` lives per pod UID. Its shell, for each pod:

    machine = PodMachine(pod)                    a pod of the API server, or of a static file
    machine = PodMachine(orphan_pod(uid, ...))   found in the runtime, unknown to the API server after a LIST;
    machine.forget()                             it is then forgotten at once
    machine.refuse(refusal)                      `admission.admit` said no; before the first decision
    machine.desire(pod)                          the API object changed; deletionTimestamp is seen here
    machine.forget()                             the API object is gone
    machine.end(ending)                          eviction, shutdown of the node: the pod becomes Failed
    machine.kill_for_memory(container, id)       it holds too much (`usage_limits.over_memory_limit`)
    machine.observe(observed_pod)                what CRI says, whenever it changed
    machine.finish(action, outcome, now)         an action of a decision has been done, or has failed
    decision = machine.decide(facts, wall, now)  after any of these, and at `decision.next_timeout`;
                                                 not after a `finish` that says False

Nothing is asked of the runtime before the first `observe`. `decide` gives:

- `actions`: each is told once; all may run side by side; each is finished once, also when it was cancelled;
- `events`: told once;
- `status`: the whole `status` of the pod, written when it differs from what was written last;
- `next_timeout`;
- `is_finished`: nothing is left in the runtime or to be done, so drop the machine.

After `finish` of an action that changes the runtime (`actions.CHANGES_RUNTIME`) the machine waits for an
observation whose `as_of` is not earlier than that finish: ask CRI again. A status is written before a
`DeletePodObject` of the same decision is carried out.
"""
