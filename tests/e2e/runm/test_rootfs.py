"""What lies beside a model changes how it answers; a real model, by `runm serve --rootfs` and by a bundle."""

from __future__ import annotations

import base64
import json
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bronzewillow.testing.gguf import lora, projector

from .conftest import LIMIT_S

pytestmark = pytest.mark.e2e

WHO = {"role": "user", "content": "Who are you?"}
ASK = {"messages": [WHO], "temperature": 0, "max_tokens": 16, "cache_prompt": False}
PIRATE = "You are a pirate. You begin every answer with 'Arrr'."
Serve = Callable[..., Any]


@pytest.fixture
def rootfs(tmp_path: Path, model_path: Path) -> Path:
    folder = tmp_path / "rootfs"
    folder.mkdir()
    (folder / "model.gguf").symlink_to(model_path)
    return folder


def curl(server: Any, path: str, body: object = None) -> Any:
    argv = ["curl", "-sS", "--max-time", str(LIMIT_S), "--unix-socket", str(server.socket), f"http://x{path}"]
    if body is not None:
        argv += ["-H", "Content-Type: application/json", "-d", json.dumps(body)]
    return json.loads(subprocess.run(argv, capture_output=True, check=True, text=True).stdout)


def answer(server: Any, **changes: object) -> str:
    text = curl(server, "/v1/chat/completions", ASK | changes)["choices"][0]["message"]["content"]
    assert isinstance(text, str)
    return text


def test_the_system_message_is_the_images_unless_the_request_has_one(rootfs: Path, start: Serve) -> None:
    with start("--rootfs", str(rootfs)) as plain:
        without = answer(plain)
        with_one = answer(plain, messages=[{"role": "system", "content": PIRATE}, WHO])
    (rootfs / "system").write_text(PIRATE)
    with start("--rootfs", str(rootfs)) as server:
        assert answer(server) == with_one != without
        other = [{"role": "system", "content": "You are a helpful AI assistant."}, WHO]
        assert answer(server, messages=other) != with_one


def test_canned_messages_come_before_the_requests(rootfs: Path, start: Serve) -> None:
    shots = [WHO, {"role": "assistant", "content": "Bronze willow."}]
    with start("--rootfs", str(rootfs)) as plain:
        wanted = answer(plain, messages=[*shots, WHO])
        without = answer(plain)
    (rootfs / "messages.json").write_text(json.dumps(shots))
    with start("--rootfs", str(rootfs)) as server:
        assert answer(server) == wanted != without


def test_a_jinja_template_takes_the_place_of_the_models(rootfs: Path, start: Serve) -> None:
    (rootfs / "chat_template.jinja").write_text("The capital of France is")
    with start("--rootfs", str(rootfs)) as server:
        assert "Paris" in answer(server)


def test_an_adapter_in_the_folder_is_applied(rootfs: Path, start: Serve) -> None:
    with start("--rootfs", str(rootfs)) as plain:
        without = answer(plain)
    (rootfs / "adapter-0.gguf").write_bytes(lora("llama", "blk.5.ffn_down.weight", 1536, 576, scale=2.0))
    with start("--rootfs", str(rootfs)) as server:
        assert answer(server) != without


def test_the_environment_overrides_and_options_override_it(
    rootfs: Path, start: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNM_CONTEXT", "512")
    monkeypatch.setenv("RUNM_PARALLEL", "2")
    with start("--rootfs", str(rootfs), "--parallel", "1") as server:
        meta = curl(server, "/v1/models")["data"][0]["meta"]
        assert (meta["n_ctx"], meta["slots"]) == (512, 1)


def test_a_bundle_with_too_little_memory_says_what_is_needed(rootfs: Path, tmp_path: Path) -> None:
    config = {
        "ociVersion": "1.0.2",
        "root": {"path": str(rootfs)},
        "process": {"args": ["runm", "serve", "--listen", f"unix:{tmp_path / 's'}"], "env": []},
        "linux": {"resources": {"memory": {"limit": 200 << 20}}},
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    runm = [sys.executable, "-m", "runtime.runm"]
    environment = os.environ | {"RUNM_ROOT": str(tmp_path / "root")}
    with (tmp_path / "log").open("w") as log:
        create = [*runm, "create", "--bundle", str(tmp_path), "one"]
        subprocess.run(create, env=environment, stderr=log, check=True)
        subprocess.run([*runm, "start", "one"], env=environment, check=True)
        subprocess.run([*runm, "events", "--interval", "0.2", "one"], env=environment, check=True)
    said = (tmp_path / "log").read_text()
    assert said.startswith(f"runm: {rootfs}/model.gguf: needs about 0.")
    assert "the limit is 0.20 GiB" in said
    assert said.count("\n") == 1
    subprocess.run([*runm, "delete", "one"], env=environment, check=True)


def test_a_go_template_takes_the_place_of_the_models(rootfs: Path, start: Serve) -> None:
    (rootfs / "template").write_text("{{ range .Messages }}{{ .Content }}{{ end }} The capital of France is")
    with start("--rootfs", str(rootfs)) as server:
        assert "Paris" in answer(server)
    # the model's own format, in Go's words: the same prompt, hence the same answer
    (rootfs / "template").write_text(
        "{{ range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}"
        "<|im_start|>assistant\n"
    )
    system = {"role": "system", "content": PIRATE}
    with start("--rootfs", str(rootfs)) as server:
        in_go = answer(server, messages=[system, WHO])
    (rootfs / "template").unlink()
    with start("--rootfs", str(rootfs)) as server:
        assert answer(server, messages=[system, WHO]) == in_go


def test_parameters_are_the_images_unless_the_request_has_them(rootfs: Path, start: Serve) -> None:
    count = {"messages": [{"role": "user", "content": "Count from 1 to 9, with commas."}]}
    hot = {"temperature": None, "max_tokens": 24}
    parameters = {"seed": 7, "temperature": 1.5, "num_ctx": 256, "stop": [","], "num_predict": 3}
    (rootfs / "params.json").write_text(json.dumps(parameters))
    with start("--rootfs", str(rootfs)) as server:
        assert "," not in answer(server, **count, max_tokens=40)
        again = {answer(server, **hot) for _ in range(3)}
        assert len(again) == 1
        assert answer(server, **hot, seed=8) not in again
        full = curl(server, "/v1/chat/completions", {"messages": [WHO]})
        assert full["usage"]["completion_tokens"] <= 3
        long = curl(server, "/v1/chat/completions", {"messages": [{**WHO, "content": "word " * 400}]})
        assert "256" in long["error"]["message"]
    with start("--rootfs", str(rootfs), "--context", "1024") as server:
        long = curl(server, "/v1/chat/completions", {"messages": [{**WHO, "content": "word " * 400}]})
        assert long["usage"]["prompt_tokens"] > 400


def png(*colour: int, side: int = 28) -> str:
    """A picture of one colour, as a URL."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes(colour) * side for _ in range(side))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    data = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return "data:image/png;base64," + base64.b64encode(data).decode()


def looking_at(url: str) -> list[dict[str, object]]:
    parts = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": url}}]
    return [{"role": "user", "content": parts}]


def test_a_projector_lets_the_model_see(rootfs: Path, start: Serve) -> None:
    with start("--rootfs", str(rootfs)) as blind:
        told = curl(blind, "/v1/chat/completions", {"messages": looking_at(png(255, 0, 0))})
        assert "takes text only" in told["error"]["message"]
    (rootfs / "mmproj.gguf").write_bytes(projector(576))
    with start("--rootfs", str(rootfs)) as server:
        answers = [answer(server, messages=looking_at(png(*colour))) for colour in ((255, 0, 0), (0, 0, 255))]
        assert answers[0] == answer(server, messages=looking_at(png(255, 0, 0)))
        assert answers[0] != answers[1]
        for url in (
            "http://127.0.0.1/secret",
            "file:///etc/passwd",
            "data:text/html,x",
            "data:image/png;base64,x",
        ):
            told = curl(server, "/v1/chat/completions", {"messages": looking_at(url)})
            assert told["error"]["type"] == "invalid_request_error"
        assert answer(server)


def test_a_projector_of_another_model_is_refused(rootfs: Path) -> None:
    (rootfs / "mmproj.gguf").write_bytes(projector(512))
    argv = [sys.executable, "-m", "runtime.runm", "serve", "--rootfs", str(rootfs), "--listen", "127.0.0.1:0"]
    refused = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=LIMIT_S)
    assert refused.returncode == 1
    assert "is for models with 512 numbers in an embedding, this one has 576" in refused.stderr
    assert refused.stderr.count("\n") == 1
