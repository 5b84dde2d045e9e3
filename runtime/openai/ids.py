"""Names that nobody can guess."""

from __future__ import annotations

import secrets


def new_id(prefix: str) -> str:
    """Such as `chatcmpl-5fJ...`, 128 bits of chance."""
    return f"{prefix}-{secrets.token_hex(16)}"
