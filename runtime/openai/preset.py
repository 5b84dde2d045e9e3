"""What a model's image says about every request: parameters, stop words, a system message, a conversation.

A field of the request wins over the image's; only stop words add up, because a chat format's end marks must
hold whatever the client asks for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from runtime.engine.interface import Generation

Message = Mapping[str, Any]


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

    def apply_chat(self, generation: Generation) -> Generation:
        """A conversation with what the image adds."""
        messages = generation.messages or ()
        head = tuple(message for message in messages[:1] if message.get("role") == "system")
        rest = messages[len(head) :]
        if not head and self.system and not any(message.get("role") == "system" for message in rest):
            head = ({"role": "system", "content": self.system},)
        return replace(
            generation, messages=(*head, *self.messages, *rest), options=self._merge(generation.options)
        )

    def apply_completion(self, generation: Generation) -> Generation:
        """Raw text has no messages; the parameters hold for it too."""
        return replace(generation, options=self._merge(generation.options))

    def _merge(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        options = {**self.options, **asked}
        stop = list(dict.fromkeys((*asked.get("stop", ()), *self.stop)))
        if stop:
            options["stop"] = stop
        return options
