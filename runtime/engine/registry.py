"""The engines by name. Each is imported only when it is chosen."""

from __future__ import annotations

from collections.abc import Callable

from runtime.engine.interface import Engine, EngineConfig


def _xllamacpp(config: EngineConfig) -> Engine:
    from runtime.engine.xllamacpp import XllamacppEngine

    return XllamacppEngine(config)


def _llama_server(config: EngineConfig) -> Engine:
    from runtime.engine.llama_server import LlamaServerEngine

    return LlamaServerEngine(config)


def _llama_cpp_python(config: EngineConfig) -> Engine:
    from runtime.engine.llama_cpp_python import LlamaCppPythonEngine

    return LlamaCppPythonEngine(config)


def _echo(config: EngineConfig) -> Engine:
    from runtime.engine.echo import EchoEngine

    return EchoEngine(config)


ENGINES: dict[str, Callable[[EngineConfig], Engine]] = {
    "xllamacpp": _xllamacpp,
    "llama-server": _llama_server,
    "llama-cpp-python": _llama_cpp_python,
    "echo": _echo,
}
DEFAULT_ENGINE = "xllamacpp"
MODELLESS_ENGINES = frozenset({"echo"})
