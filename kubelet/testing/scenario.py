"""A scenario: a pod, how its world behaves, what happens to it, and the trace that comes of it.

shows = "a container that fails is started again, ever later"
until = "2m"
[pod.spec]
restartPolicy = "Always"
containers = [{ name = "llm", image = "m:1" }]
[world.containers.llm]                   # `world` says how
runs = ["5s exit 1"]
[[at]]
time = "90s"
do = "delete"                            # one of `EVENTS`
grace = 30
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from typing import Any

from kubelet.model.decision import Ending, Refusal
from kubelet.model.pod_spec import Kind
from kubelet.model.times import rfc3339
from kubelet.testing.simulated_pod import SimulatedPod
from kubelet.testing.trace import Trace
from kubelet.testing.virtual_time import VirtualTime
from kubelet.testing.world import ScenarioError, parse_duration, parse_world

Happening = Callable[[SimulatedPod, Mapping[str, Any]], None]


def _set_condition(pod: SimulatedPod, event: Mapping[str, Any]) -> None:
    if pod.api is not None:
        conditions = pod.api.setdefault("status", {}).setdefault("conditions", [])
        conditions[:] = [one for one in conditions if one["type"] != event["type"]]
        conditions.append({"type": event["type"], "status": event["status"]})
        pod.update()


def _set_image(pod: SimulatedPod, event: Mapping[str, Any]) -> None:
    if pod.api is not None:
        for container in pod.api["spec"][Kind.APP.value]:
            if container["name"] == event["container"]:
                container["image"] = event["image"]
        pod.update()


EVENTS: Mapping[str, Happening] = {
    "delete": lambda pod, event: pod.delete(event.get("grace", 30)),
    "evict": lambda pod, event: pod.end(Ending("Evicted", event["message"], event.get("grace"))),
    "shut down": lambda pod, event: pod.end(Ending("Terminated", event["message"], event.get("grace"))),
    "kill agent": lambda pod, _: pod.kill_agent(),
    "start agent": lambda pod, _: pod.start_agent(),
    "lose sandboxes": lambda pod, _: pod.runtime.lose_sandboxes(),
    "lose everything": lambda pod, _: pod.runtime.lose_everything(),
    "kill": lambda pod, event: pod.runtime.kill(event["container"], event["code"], event.get("reason", "")),
    "api down": lambda pod, _: pod.part_from_api(False),
    "api up": lambda pod, _: pod.part_from_api(True),
    "condition": _set_condition,
    "image": _set_image,
}


def run_scenario(text: str) -> str:
    """The trace. ScenarioError."""
    try:
        scenario = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(str(error)) from None
    time, trace = VirtualTime(), Trace()
    pod = SimulatedPod(
        _pod(scenario["pod"], time), parse_world(scenario.get("world", {})), time,
        lambda _, status: trace.status(status, time.now),
        lambda _, event: trace.event(event, time.now),
        refusal=Refusal(**scenario["refusal"]) if "refusal" in scenario else None,
    )  # fmt: skip
    time.at(0, pod.start_agent)
    for event in scenario.get("at", []):
        time.at(parse_duration(event["time"]), _happening(pod, trace, event))
    time.run(parse_duration(scenario["until"]))
    end = "the object is there" if pod.api is not None else "the object is gone"
    left = len(pod.runtime.containers) + len(pod.runtime.sandboxes)
    trace.note(f"{end}, {left} records in the runtime", time.now)
    return f"{scenario['shows']}\n\n{trace.text()}"


def _happening(pod: SimulatedPod, trace: Trace, event: Mapping[str, Any]) -> Callable[[], None]:
    if event["do"] not in EVENTS:
        raise ScenarioError(f"do = {event['do']!r}: use one of {', '.join(EVENTS)}")

    def happen() -> None:
        rest = {key: value for key, value in event.items() if key not in ("time", "do")}
        told = " ".join(str(value) for value in rest.values())
        trace.note(f"{event['do']} {told}".rstrip(), pod.time.now)
        EVENTS[event["do"]](pod, event)

    return happen


def _pod(value: Mapping[str, Any], time: VirtualTime) -> dict[str, Any]:
    metadata = {
        "name": "p", "namespace": "default", "uid": "11", "creationTimestamp": rfc3339(time.wall),
        **value.get("metadata", {}),
    }  # fmt: skip
    return {
        "metadata": metadata,
        "spec": value["spec"],
        "status": {"phase": "Pending", **value.get("status", {})},
    }
