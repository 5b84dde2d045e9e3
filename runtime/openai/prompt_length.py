"""Prompts that cannot fit are refused by their length: cutting a megabyte into tokens takes llama.cpp a
second, which nothing interrupts, and a slot is held meanwhile.

Nothing that would fit may be refused. So only what is sure to reach the model is counted: a raw prompt, or of
a conversation the last user message, as templates leave out parts of what came before; and neither white
space, which templates strip, nor control characters, which a vocabulary may lack.
"""

from __future__ import annotations

from runtime.engine.interface import ContextExceeded, Generation, ModelInfo

_UNCOUNTED = bytes(range(0x21)) + b"\x7f"


def check_length(request: Generation, model: ModelInfo) -> None:
    """ContextExceeded when the text has more bytes than a slot's tokens can have."""
    longest = model.longest_token_bytes
    text = _certain_text(request)
    if not longest or len(text) * 4 < model.context_tokens * longest:  # UTF-8 has 4 bytes at most
        return
    least = -(-len(text.encode().translate(None, _UNCOUNTED)) // longest)
    if least > model.context_tokens:
        raise ContextExceeded(least, model.context_tokens, is_least=True)


def _certain_text(request: Generation) -> str:
    if request.messages is None:
        return request.prompt if isinstance(request.prompt, str) else ""
    for message in reversed(request.messages):
        if message.get("role") == "user":
            content = message.get("content")
            return content if isinstance(content, str) else ""
    return ""
