"""llama-cpp-python: for those who have built it already, with flags of their own.

It runs one sequence at a time, so there is one slot; it has neither tools, nor embeddings beside
generation, nor token probabilities without keeping all logits, and says so in its ModelInfo. The library's
own stream is not used for chats: the template is rendered here, so that the prompt's tokens can be counted
and refused.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Any

from runtime.engine.interface import (
    ContextExceeded,
    Embeddings,
    Engine,
    EngineConfig,
    Event,
    Finish,
    FinishReason,
    Generation,
    InvalidRequest,
    LoadError,
    ModelInfo,
    Piece,
    Progress,
    Unsupported,
    Usage,
)
from runtime.engine.model_file import open_model
from runtime.engine.thread_stream import ThreadStream, in_thread

# our option -> the library's argument, where they are equal in meaning
_OPTIONS = {
    "max_tokens": "max_tokens", "temperature": "temperature", "top_p": "top_p", "top_k": "top_k",
    "min_p": "min_p", "typical_p": "typical_p", "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty", "repeat_penalty": "repeat_penalty", "seed": "seed",
    "mirostat": "mirostat_mode",
    "mirostat_tau": "mirostat_tau", "mirostat_eta": "mirostat_eta",
}  # fmt: skip


# C holds only their addresses, and logs until the process ends.
_LOG_CALLBACKS: list[Any] = []
_LOG_LEVEL_ERROR = 4  # ggml.h, GGML_LOG_LEVEL_ERROR


class LlamaCppPythonEngine(Engine):
    """The library llama-cpp-python as an engine; see the module."""

    def __init__(self, config: EngineConfig) -> None:
        self._config = config
        self._library: Any = None
        self._llama: Any = None
        self._format: Callable[..., Any] | None = None
        self._first_error = ""

    async def load(self) -> ModelInfo:
        header = open_model(self._config.model, self._config.adapters)
        if len(self._config.adapters) > 1:
            raise LoadError("the engine llama-cpp-python takes one adapter; use xllamacpp for more")
        if self._config.projector is not None:
            raise LoadError("the engine llama-cpp-python takes no projector; use xllamacpp")
        try:
            import llama_cpp
        except (ImportError, OSError) as err:
            raise LoadError(f"the engine llama-cpp-python is not installed: {err}") from err
        self._library = llama_cpp
        self._capture_log(llama_cpp)
        try:
            self._llama = await in_thread(self._make)
        except (ValueError, RuntimeError) as err:
            raise LoadError(self._first_error or str(err)) from err
        self._llama.verbose = False
        template = self._config.chat_template or header.chat_template
        if template:
            self._format = self._formatter(template)
        return ModelInfo(
            context_tokens=self._config.context_tokens,
            slots=1,
            chat=bool(template) and header.generates,
            completion=header.generates,
            json_schema=True,
            longest_token_bytes=header.longest_token_bytes,
            engine=f"llama-cpp-python-{llama_cpp.__version__}",
        )

    async def generate(self, request: Generation) -> AsyncGenerator[Event, None]:
        if request.options.get("tools") or request.options.get("logprobs"):
            raise Unsupported("this engine has neither tools nor token probabilities")
        stream: ThreadStream[Event] = ThreadStream(lambda on_event: self._run(request, on_event))
        try:
            async for event in stream.chunks():
                yield event
        finally:
            await stream.stop()

    async def embed(self, inputs: Sequence[str | tuple[int, ...]]) -> Embeddings:
        raise Unsupported("this engine makes no embeddings")

    async def close(self) -> None:
        llama, self._llama = self._llama, None
        if llama is not None:
            await in_thread(llama.close)

    def _make(self) -> Any:
        config = self._config
        return self._library.Llama(
            str(config.model),
            n_ctx=config.context_tokens,
            n_threads=config.threads,
            n_threads_batch=config.threads,
            n_gpu_layers=config.gpu_layers,
            lora_path=str(config.adapters[0]) if config.adapters else None,
            verbose=True,  # otherwise it swallows the reason of a failure
        )

    def _capture_log(self, library: Any) -> None:
        """llama.cpp's log comes to us; the library would print all of it."""

        def on_log(level: int, text: bytes, _data: Any) -> None:
            line = text.decode(errors="replace")
            if level == _LOG_LEVEL_ERROR:
                self._first_error = self._first_error or line.strip()
            if self._config.verbose:
                sys.stderr.write(line)

        callback = library.llama_log_callback(on_log)
        _LOG_CALLBACKS.append(callback)
        library.llama_log_set(callback, None)

    def _formatter(self, template: str) -> Callable[..., Any]:
        from llama_cpp.llama_chat_format import Jinja2ChatFormatter

        llama = self._llama
        eos, bos = llama.token_eos(), llama.token_bos()
        formatter: Callable[..., Any] = Jinja2ChatFormatter(
            template=template,
            eos_token=llama.detokenize([eos], special=True).decode(errors="replace"),
            bos_token=llama.detokenize([bos], special=True).decode(errors="replace") if bos >= 0 else "",
            stop_token_ids=[eos],
        )
        return formatter

    def _prompt(self, request: Generation) -> list[int]:
        if request.messages is not None:
            if self._format is None:
                raise Unsupported("this model has no chat template")
            try:
                text = self._format(messages=list(request.messages)).prompt
            except Exception as err:  # a template may raise anything
                raise InvalidRequest(f"the chat template refused the messages: {err}") from err
            return list(self._llama.tokenize(text.encode(), add_bos=False, special=True))
        if isinstance(request.prompt, tuple):
            return list(request.prompt)
        return list(self._llama.tokenize((request.prompt or "").encode(), add_bos=True, special=True))

    def _arguments(self, options: Mapping[str, Any]) -> dict[str, Any]:
        arguments = {theirs: options[ours] for ours, theirs in _OPTIONS.items() if ours in options}
        arguments["stop"] = list(options.get("stop", ()))
        arguments.setdefault("max_tokens", -1)
        if bias := options.get("logit_bias"):
            arguments["logit_bias"] = dict(bias)
        if (text := self._grammar(options)) is not None:
            arguments["grammar"] = self._library.LlamaGrammar.from_string(text, verbose=False)
        return arguments

    def _grammar(self, options: Mapping[str, Any]) -> str | None:
        """The grammar's text; the library would crash on one that llama.cpp cannot read."""
        schema = _schema(options)
        if schema is None:
            text = options.get("grammar")
        else:
            from llama_cpp.llama_grammar import json_schema_to_gbnf

            try:
                text = json_schema_to_gbnf(json.dumps(schema))
            except Exception as err:  # its converter raises what it stumbles upon
                raise InvalidRequest(f"the JSON schema cannot be used: {err}") from err
        if not text:
            return None
        vocabulary = self._library.llama_model_get_vocab(self._llama.model)
        sampler = self._library.llama_sampler_init_grammar(vocabulary, text.encode(), b"root")
        if not sampler:
            raise InvalidRequest("the grammar cannot be parsed")
        self._library.llama_sampler_free(sampler)
        return str(text)

    def _run(self, request: Generation, on_event: Callable[[Event], bool]) -> None:
        """In a thread: the whole generation. `on_event` answers whether to stop."""
        prompt = self._prompt(request)
        if len(prompt) >= self._config.context_tokens:
            raise ContextExceeded(len(prompt), self._config.context_tokens)
        generated, started, first = 0, time.monotonic(), 0.0
        gone = on_event(Progress(0, len(prompt)))

        def on_token(_tokens: Any, _logits: Any) -> bool:
            nonlocal generated, first
            generated += 1
            first = first or time.monotonic()
            return gone

        stream = self._llama.create_completion(
            prompt,
            stream=True,
            stopping_criteria=self._library.StoppingCriteriaList([on_token]),
            **self._arguments(request.options),
        )
        for chunk in stream:
            choice = chunk["choices"][0]
            if choice["text"]:
                gone = on_event(Piece(0, choice["text"]))
            if reason := choice["finish_reason"]:
                on_event(Finish(0, FinishReason(reason)))
            if gone:
                stream.close()
                return
        ended = time.monotonic()
        limit = request.options.get("max_tokens", -1)
        if limit is not None and limit >= 0:
            generated = min(generated, limit)  # it samples one more to see that it is at the end
        on_event(Usage(len(prompt), generated, 0, (first or ended) - started, ended - (first or ended)))


def _schema(options: Mapping[str, Any]) -> Any:
    wanted = options.get("response_format") or {}
    if wanted.get("type") == "json_object":
        return wanted.get("schema") or {"type": "object"}
    if wanted.get("type") == "json_schema":
        return wanted["json_schema"]["schema"]
    return options.get("json_schema")
