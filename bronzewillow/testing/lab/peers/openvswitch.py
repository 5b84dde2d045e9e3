"""Open vSwitch without its kernel module: the daemons in a namespace, and bridges of its userspace datapath.

That datapath reads frames by AF_PACKET, so the kernel sees each of them, too. It would answer ARP and forward
a second copy: so what it gets of such a device is dropped, after the tap.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from bronzewillow.testing.lab.child import wait_until
from bronzewillow.testing.lab.netns import Namespace

_SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"


class OpenVSwitch:
    """One switch in one namespace; it ends with the namespace."""

    def __init__(self, namespace: Namespace, folder: Path, logs: Path) -> None:
        """Starts the daemons; their sockets go into `folder`, which is made, what they say into `logs`."""
        self._namespace = namespace
        self._folder = folder
        self._logs = logs
        namespace.run("mkdir", "-p", str(folder))
        self._database = f"unix:{folder / 'db.sock'}"
        self._environ = {**os.environ, "OVS_RUNDIR": str(folder), "OVS_LOGDIR": str(logs)}
        namespace.run("ovsdb-tool", "create", str(folder / "conf.db"), _SCHEMA)
        remote = f"--remote=punix:{folder / 'db.sock'}"
        self._start("ovsdb-server", str(folder / "conf.db"), remote)
        listens = ("test", "-S", str(folder / "db.sock"))
        wait_until(lambda: not namespace.attempt(*listens).returncode, "ovsdb-server listens")
        self.configure("init", wait=False)
        self._start("ovs-vswitchd", self._database)

    def configure(self, *command: str, wait: bool = True) -> None:
        """ovs-vsctl; returns when the switch has done it."""
        options = ("--timeout=20", f"--db={self._database}", *(() if wait else ("--no-wait",)))
        self._namespace.run("ovs-vsctl", *options, *command)

    def replace_flows(self, bridge: str, flows: Iterable[str], groups: Iterable[str] = ()) -> None:
        """The whole pipeline of a bridge, at once."""
        target = f"unix:{self._folder / f'{bridge}.mgmt'}"
        control = ("ovs-ofctl", "-O", "OpenFlow15")
        for group in groups:
            self._namespace.run(*control, "--may-create", "mod-group", target, group)
        text = "\n".join(flows) + "\n"
        self._namespace.run(*control, "--bundle", "replace-flows", target, "-", input=text)

    def flows(self, bridge: str) -> str:
        """The pipeline with its counters."""
        target = f"unix:{self._folder / f'{bridge}.mgmt'}"
        return self._namespace.run("ovs-ofctl", "-O", "OpenFlow15", "dump-flows", target)

    def hide_from_kernel(self, device: str) -> None:
        """What arrives there is the switch's alone."""
        chain = f"{{ type filter hook ingress device {device} priority 0; policy drop; }}"
        rules = f"add table netdev hide\nadd chain netdev hide {device.replace('-', '_')} {chain}\n"
        self._namespace.run("nft", "-f", "-", input=rules)

    def _start(self, program: str, *arguments: str) -> None:
        log = self._logs / f"{program}.log"
        options = (f"--unixctl={self._folder / f'{program}.ctl'}", "-vconsole:warn")
        with log.open("ab") as file:
            self._namespace.begin(program, *arguments, *options, log=file, env=self._environ, cwd=self._logs)
