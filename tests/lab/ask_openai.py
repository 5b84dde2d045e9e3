"""Run in a pod: asks the model with OpenAI's own client, and prints what came as one line of JSON.

python ask_openai.py BASE_URL
"""

from __future__ import annotations

import json
import sys
from typing import Any

import openai


def main() -> None:
    """Ask whole and streamed, and once for a model that is not there."""
    client = openai.OpenAI(base_url=sys.argv[1], api_key="none", max_retries=0, timeout=60)
    question: dict[str, Any] = {
        "messages": [{"role": "user", "content": "Name three colours."}],
        "max_tokens": 16,
        "temperature": 0,
        "seed": 1,
    }
    whole = client.chat.completions.create(model="smollm2", **question)
    chunks = [
        chunk.choices[0].delta.content or ""
        for chunk in client.chat.completions.create(model="smollm2", stream=True, **question)
        if chunk.choices
    ]
    error = 0
    try:
        client.chat.completions.create(model="absent", **question)
    except openai.APIStatusError as refusal:
        error = refusal.status_code
    told = {
        "models": [model.id for model in client.models.list()],
        "whole": whole.choices[0].message.content,
        "streamed": "".join(chunks),
        "chunks": len(chunks),
        "error": error,
    }
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()
