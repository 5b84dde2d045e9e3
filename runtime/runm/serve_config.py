"""What `runm serve` was told, and what that means for the engine: its settings, its memory, its card."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runtime.engine.interface import EngineConfig, LoadError
from runtime.engine.model_file import open_model
from runtime.engine.registry import MODELLESS_ENGINES
from runtime.gguf import GgufHeader
from runtime.openai.preset import Preset
from runtime.openai.service import ModelCard
from runtime.refusal import Refusal
from runtime.runm.listen import Address

_log = logging.getLogger(__name__)
_DEFAULT_CONTEXT_TOKENS = 4096


class ServeError(Refusal):
    """`runm serve` cannot go on; one line for the user."""


@dataclass(frozen=True, slots=True)
class ServeConfig:
    """All that `runm serve` was told."""

    model: Path | None
    """The GGUF file; None only for engines without a model."""
    listen: tuple[Address, ...]
    """Where to serve, at least one."""
    engine: str = "xllamacpp"
    """A name in the registry."""
    name: str = ""
    """The model's id in the API; by default the file's name without its suffix."""
    aliases: tuple[str, ...] = ()
    """Other names that requests may use."""
    context_tokens: int = 0
    """Tokens per slot; 0 takes what the model was trained with, at most 4096."""
    batch_tokens: int = 512
    """Tokens of a prompt that are computed at once, at most."""
    parallel: int = 4
    """Slots."""
    queue: int = 32
    """Requests that may wait for a slot."""
    threads: int = 1
    """CPU threads."""
    gpu_layers: int = -1
    """Layers on the GPU; -1 lets llama.cpp choose."""
    cache_ram_mib: int = 256
    """Memory for prompts of ended conversations, in MiB."""
    embeddings: bool = True
    """Whether /v1/embeddings is served."""
    chat_template: str | None = None
    """A Jinja template that replaces the model's own."""
    preset: Preset = field(default_factory=Preset)
    """What the model's image says about every request."""
    memory_limit_bytes: int | None = None
    """What the model may take, as can be told beforehand. None: what the machine has; 0: no limit."""
    adapters: tuple[Path, ...] = ()
    """LoRA adapters, applied in this order."""
    projector: Path | None = None
    """What lets the model see images."""
    keys: tuple[str, ...] = ()
    """API keys; none means that none is needed."""
    origins: tuple[str, ...] = ()
    """Origins of web pages that may use the API."""
    hosts: tuple[str, ...] = ()
    """Further Host names accepted over TCP loopback."""
    body_bytes: int = 32 << 20
    """Longest request body."""
    linger_s: float = 5.0
    """How long new requests are taken after SIGTERM, at most: see `lingering`."""
    drain_s: float = 30.0
    """How long running answers may take after that."""
    verbose: bool = False
    """Whether llama.cpp's own log is shown."""
    engine_options: tuple[tuple[str, str], ...] = ()
    """Settings of one engine only."""


def read_model(config: ServeConfig) -> GgufHeader | None:
    """The header of what is to be served; None for an engine without a model. ServeError."""
    if config.model is None:
        if config.engine in MODELLESS_ENGINES:
            return None
        raise ServeError("no model: say --model FILE.gguf")
    try:
        return open_model(config.model, config.adapters, config.projector)
    except LoadError as err:
        raise ServeError(str(err)) from err


def engine_config(config: ServeConfig, header: GgufHeader | None) -> EngineConfig:
    """What the engine is told; warns of what may turn out odd."""
    trained = header.trained_context_tokens if header is not None else 0
    context = config.context_tokens or min(trained or _DEFAULT_CONTEXT_TOKENS, _DEFAULT_CONTEXT_TOKENS)
    has_template = bool(header and header.chat_template) or config.chat_template or config.preset.template
    if header is not None and header.generates and not has_template:
        _log.warning("%s has no chat template: ChatML is assumed, and answers may be odd", config.model)
    if config.context_tokens and trained and config.context_tokens > trained:
        _log.warning(
            "--context %d is more than the %d tokens that the model was trained with", context, trained
        )
    return EngineConfig(
        model=config.model or Path(),
        context_tokens=context,
        parallel=config.parallel,
        batch_limit_tokens=config.batch_tokens,
        threads=config.threads,
        gpu_layers=config.gpu_layers,
        cache_ram_mib=config.cache_ram_mib,
        embeddings=config.embeddings,
        chat_template=config.chat_template,
        adapters=config.adapters,
        projector=config.projector,
        verbose=config.verbose,
        options=dict(config.engine_options),
    )


def check_memory(
    config: ServeConfig, engine: EngineConfig, header: GgufHeader | None, machine_bytes: int
) -> None:
    """Refuse what cannot fit, instead of being killed for it half-way through the load. ServeError.

    `machine_bytes` is all memory that this machine has.
    """
    limit = machine_bytes if config.memory_limit_bytes is None else config.memory_limit_bytes
    if header is None or not limit:
        return
    need = header.memory_bytes(engine.context_tokens * engine.parallel)
    others = (*engine.adapters, *((engine.projector,) if engine.projector else ()))
    need += sum(path.stat().st_size for path in others)
    if need <= limit:
        return
    slots = f"{engine.parallel} slots of {engine.context_tokens} tokens"
    if config.memory_limit_bytes is None:
        than, cure = f"this machine has {_gib(limit)}", "try it all the same with --memory-limit 0"
    else:
        than, cure = f"the limit is {_gib(limit)}", "raise the limit"
    raise ServeError(
        f"{config.model}: needs about {_gib(need)} with {slots}, {than}: "
        f"lower --context or --parallel, or {cure}"
    )


def _gib(size: int) -> str:
    return f"{size / (1 << 30):.2f} GiB"


def model_card(config: ServeConfig, header: GgufHeader | None) -> ModelCard:
    """What /v1/models says."""
    meta: dict[str, Any] = {}
    if header is not None:
        meta = {
            "architecture": header.architecture,
            "name": header.name,
            "quantization": header.quantisation,
            "n_params": header.parameters,
            "n_ctx_train": header.trained_context_tokens,
            "n_embd": header.embedding_length,
            "size": header.file_bytes,
        }
    created = int(config.model.stat().st_mtime) if config.model is not None else 0
    stem = config.model.stem if config.model is not None else config.engine
    return ModelCard(config.name or stem, config.aliases, created, meta=meta)
