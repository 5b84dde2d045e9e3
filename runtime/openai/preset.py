"""What a model's image says about every request: parameters, stop words, a system message, a conversation,
and how that becomes the text of a prompt.

A field of the request wins over the image's; only stop words add up, because a chat format's end marks must
hold whatever the client asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from runtime.engine.interface import Generation

if TYPE_CHECKING:
    from runtime.templates.chat import ChatTemplate

Message = Mapping[str, Any]

_CHAT_ONLY = ("chat_template_kwargs", "reasoning_effort", "reasoning_format")


def _today() -> date:
    return datetime.now(UTC).astimezone().date()


@dataclass(frozen=True, slots=True)
class Preset:
    """Applied to each generation before the engine sees it."""

    options: Mapping[str, Any] = field(default_factory=dict)
    """Sampling options under the engine's names, for requests that do not set them."""
    stop: tuple[str, ...] = ()
    """Texts that end an answer, beside the request's own."""
    system: str = ""
    """The system message of conversations that bring none."""
    messages: tuple[Message, ...] = ()
    """A conversation that stands between the system message and the request's."""
    template: ChatTemplate | None = None
    """A Go template that makes the prompt, in the place of the GGUF's own. Requests with tools or images keep
    that one: only with it does the engine know a call in an answer, and the place of an image."""
    today: Callable[[], date] = field(default=_today, compare=False)

    def apply_chat(self, generation: Generation) -> Generation:
        """A conversation with what the image adds. InvalidConversation, TemplateError."""
        messages = generation.messages or ()
        head = tuple(message for message in messages[:1] if message.get("role") == "system")
        rest = messages[len(head) :]
        if not head and self.system and not any(message.get("role") == "system" for message in rest):
            head = ({"role": "system", "content": self.system},)
        whole = (*head, *self.messages, *rest)
        options = self._merge(generation.options)
        if self.template is None or "tools" in options or any(map(_has_parts, whole)):
            return replace(generation, messages=whole, options=options)
        prompt = self.template.render(whole, today=self.today(), think=_think(options))
        return replace(generation, messages=None, prompt=prompt, options=_as_completion(options))

    def apply_completion(self, generation: Generation) -> Generation:
        """Raw text has no messages; the parameters hold for it too."""
        return replace(generation, options=self._merge(generation.options))

    def _merge(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        options = {**self.options, **asked}
        stop = list(dict.fromkeys((*asked.get("stop", ()), *self.stop)))
        if stop:
            options["stop"] = stop
        return options


def _has_parts(message: Message) -> bool:
    """Text alone is one text by now; parts are left where there is an image."""
    return isinstance(message.get("content"), list)


def _think(options: Mapping[str, Any]) -> bool | None:
    """llama.cpp's `chat_template_kwargs.enable_thinking`, the one switch of its kind that clients know."""
    wanted = options.get("chat_template_kwargs")
    found = wanted.get("enable_thinking") if isinstance(wanted, Mapping) else None
    return found if isinstance(found, bool) else None


def _as_completion(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a chat for the prompt of one."""
    found = {name: value for name, value in options.items() if name not in _CHAT_ONLY}
    wanted = found.pop("response_format", None)
    if wanted is not None:
        found["json_schema"] = wanted.get("json_schema", {}).get("schema", {"type": "object"})
    return found
