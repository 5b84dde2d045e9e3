"""The knobs of TCP that people may turn: [tcp] of the configuration file, and `--tcp KEY=VALUE`."""

from __future__ import annotations

from dataclasses import replace

from bronzewillow.agent.fields import Problems, Table
from bronzewillow.agent.toml_lines import KeyLines
from bronzewillow.stack import TcpConfig
from bronzewillow.stack.tcp.ecn import EcnMode

CONGESTION_CONTROLS = ("cubic", "reno")
_MIN_BUFFER, _MAX_BUFFER = 16 << 10, 64 << 20


def read_tcp(table: Table) -> TcpConfig:
    """The settings of a table; mistakes are in its `problems`, and their keys as by default."""
    base = TcpConfig()
    ecn = table.choice("ecn", [mode.value for mode in EcnMode], base.ecn.value)
    sending = table.number("send_buffer_bytes", _MIN_BUFFER, _MAX_BUFFER, base.send_buffer_bytes)
    receiving = table.number("receive_buffer_bytes", _MIN_BUFFER, _MAX_BUFFER, base.receive_buffer_bytes)
    settings = replace(
        base,
        congestion_control=table.choice("congestion_control", CONGESTION_CONTROLS, base.congestion_control)
        or base.congestion_control,
        sack=table.flag("sack", base.sack),
        rack=table.flag("rack", base.rack),
        ecn=EcnMode(ecn) if ecn else base.ecn,
        timestamps=table.flag("timestamps", base.timestamps),
        window_scale=table.flag("window_scale", base.window_scale),
        path_probing=table.flag("path_probing", base.path_probing),
        send_buffer_bytes=sending or base.send_buffer_bytes,
        receive_buffer_bytes=receiving or base.receive_buffer_bytes,
    )
    table.refuse_unknown()
    return settings


def parse_settings(texts: tuple[str, ...]) -> TcpConfig:
    """Settings as the command line has them, `rack=false`; ValueError with a line for each mistake."""
    values: dict[str, object] = {}
    wrong = []
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals:
            wrong.append(f"{text!r} is not KEY=VALUE, such as rack=false")
        elif value in ("true", "false"):
            values[key] = value == "true"
        else:
            values[key] = int(value) if value.isdecimal() else value
    problems = Problems("", KeyLines(""))
    settings = read_tcp(Table(values, (), problems))
    wrong += (line.partition(": ")[2] for line in problems.lines())
    if wrong:
        raise ValueError("\n".join(wrong))
    return settings
