"""The contract between the OpenAI server and whatever runs the model.

Vocabulary
    model       one GGUF file, loaded once, never swapped.
    slot        room for one sequence of at most `context_tokens` tokens; an engine has `parallel` of them.
    generation  one request: a chat or a raw prompt that yields `choices` sequences, each in its own slot.
    event       what a generation yields: Progress while the prompt is read, then Pieces of each choice,
                one Finish per choice, and one Usage as the last event.
    options     sampling and shape of the answer under the names of OpenAI's request (temperature, stop, seed,
                logprobs, top_logprobs, tools, response_format, max_tokens, ...) or, where OpenAI has none,
                llama.cpp's (top_k, min_p, grammar, ...). They are validated before they come here.

Lifecycle
    An engine is made from an EngineConfig and does nothing. `load` is awaited once; it may take minutes, must
    not block the event loop, and leaves the process's signal handlers as it found them. Then any number of
    `generate` and `embed` calls run at once; the caller never has more choices in flight than there are
    slots. `close` is awaited once, after the last generation has ended; it may be called without, or
    during, a load.

Rules that the contract suite checks
    - Text never ends inside a character.
    - Closing the iterator of a generation (`aclose`, or cancelling its task) frees its slots within a token's
      time; an engine that can wait for that does so before `aclose` returns.
    - Events of different choices may interleave; those of one choice are in order, and Finish is its last.
    - A refused request raises before the first event. What it raises is an EngineError, never anything else.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any


class EngineError(Exception):
    """The engine could not do what it was asked; the text is fit for a user."""


class LoadError(EngineError):
    """The model cannot be served; one line that says why."""


class InvalidRequest(EngineError):
    """The request can never succeed as it is."""


class Unsupported(InvalidRequest):
    """This model or this engine lacks an ability that the request needs."""


class ContextExceeded(InvalidRequest):
    """The prompt does not fit into a slot."""

    def __init__(self, prompt_tokens: int, context_tokens: int, *, is_least: bool = False) -> None:
        """`is_least`: the prompt has that many tokens or more; nobody has counted."""
        more = " or more" if is_least else ""
        super().__init__(f"the prompt has {prompt_tokens} tokens{more}, a slot holds {context_tokens}")
        self.prompt_tokens = prompt_tokens
        self.context_tokens = context_tokens
        self.is_least = is_least


class EngineFailed(EngineError):
    """The engine broke; the same request may succeed later."""


class FinishReason(StrEnum):
    """Why a choice ended, in OpenAI's words."""

    STOP = "stop"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"
    CONTENT_FILTER = "content_filter"


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """What an engine needs to load a model."""

    model: Path
    """The GGUF file."""
    context_tokens: int = 4096
    """Tokens that one slot holds, prompt and answer together."""
    parallel: int = 4
    """Slots: sequences that are generated at once."""
    threads: int = 1
    """CPU threads that compute; more than there are idle performance cores makes all of them slow."""
    gpu_layers: int = -1
    """Layers on the GPU; -1 lets llama.cpp choose, 0 keeps all on the CPU."""
    cache_ram_mib: int = 256
    """Memory in MiB for prompts of ended conversations."""
    embeddings: bool = True
    """Whether `embed` is wanted."""
    chat_template: str | None = None
    """A Jinja template that replaces the one in the GGUF."""
    adapters: tuple[Path, ...] = ()
    """LoRA adapters (GGUF files), all applied at full strength."""
    projector: Path | None = None
    """What makes embeddings of images (a GGUF file); without one the model reads text only."""
    verbose: bool = False
    """Whether llama.cpp logs its progress on standard error."""
    batch_limit_tokens: int = 512
    """Tokens that are computed at once while a prompt is read."""
    options: Mapping[str, str] = field(default_factory=dict)
    """Settings of one engine only, such as the path of llama-server."""

    @property
    def batch_tokens(self) -> int:
        """The batch to ask for. llama.cpp aborts the process at load if pooled embeddings are on and the
        batch is no multiple of the slots (GGML_ASSERT(ggml_can_mul_mat), seen in builds of autumn 2026).
        """
        return max(1, self.batch_limit_tokens // self.parallel) * self.parallel


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What the loaded model is and can do."""

    context_tokens: int
    """Tokens of one slot, as the engine has really laid it out."""
    slots: int
    """Sequences at once."""
    chat: bool = True
    """It has a chat template, or a usable default."""
    completion: bool = True
    """It generates text (an embedding model does not)."""
    tools: bool = False
    """Its chat template has a place for tools."""
    embeddings: bool = False
    """`embed` works."""
    images: bool = False
    """Messages may have images, as `data:` URLs in OpenAI's `image_url` parts."""
    json_schema: bool = False
    """Answers can be held to a JSON schema."""
    logprobs: bool = False
    """Token probabilities can be reported."""
    longest_token_bytes: int = 0
    """No token stands for more bytes of text; 0 where that is not known."""
    engine: str = ""
    """Name and version of the engine, for logs and `system_fingerprint`."""


@dataclass(frozen=True, slots=True)
class Generation:
    """One request for text; exactly one of `messages` and `prompt` is set."""

    messages: tuple[Mapping[str, Any], ...] | None = None
    """A conversation, in OpenAI's form."""
    prompt: str | tuple[int, ...] | None = None
    """Raw text or token ids."""
    choices: int = 1
    """Independent answers."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """See the module's vocabulary."""


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """A token that was chosen, or one that could have been."""

    token: str
    logprob: float
    data: bytes
    top: tuple[TokenLogprob, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolCallPiece:
    """Part of a tool call; `id` and `name` come with the first part only, `arguments` is a piece of JSON
    text.
    """

    index: int
    id: str | None = None
    name: str | None = None
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """The prompt is being read."""

    processed: int
    total: int


@dataclass(frozen=True, slots=True)
class Piece:
    """Some more of one choice."""

    choice: int
    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCallPiece, ...] = ()
    logprobs: tuple[TokenLogprob, ...] = ()


@dataclass(frozen=True, slots=True)
class Finish:
    """One choice is complete."""

    choice: int
    reason: FinishReason


@dataclass(frozen=True, slots=True)
class Usage:
    """What the generation cost."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    """Prompt tokens that were still in the cache."""
    prompt_s: float = 0.0
    """Seconds spent on the prompt."""
    generation_s: float = 0.0
    """Seconds from the answer's first token to its last."""


Event = Progress | Piece | Finish | Usage


@dataclass(frozen=True, slots=True)
class Embeddings:
    """One vector per input, in the inputs' order."""

    vectors: tuple[tuple[float, ...], ...]
    prompt_tokens: int


class Engine(ABC):
    """One loaded model."""

    @abstractmethod
    async def load(self) -> ModelInfo:
        """Load the model; LoadError with one line that names the cause."""

    @abstractmethod
    def generate(self, request: Generation) -> AsyncGenerator[Event, None]:
        """Run `request`; see the rules above."""

    @abstractmethod
    async def embed(self, inputs: Sequence[str | tuple[int, ...]]) -> Embeddings:
        """Embed each input; Unsupported where the model cannot."""

    async def died(self) -> str:
        """Wait until the engine can serve no more, and say why; an engine within the process lives as long
        as it.
        """
        await asyncio.get_running_loop().create_future()
        raise AssertionError("unreachable")

    @abstractmethod
    async def close(self) -> None:
        """Free the model's memory."""
