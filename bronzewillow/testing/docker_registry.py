"""Debian's docker-registry on loopback: the reference for what a registry is."""

from __future__ import annotations

import base64
import json
import shutil
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from bronzewillow.testing.ports import free_tcp_port

USER, PASSWORD = "tester", "secret"
_HTPASSWD = "tester:$2y$05$NYdTWNzIAOYr7uKQdkGVlOay8tFgbDPJ4I1H9kqkNtxvT.g1ZZwTa\n"
_START_S = 60.0


def is_there() -> bool:
    """Whether it is installed."""
    return shutil.which("docker-registry") is not None


@dataclass(slots=True)
class DockerRegistry:
    """One that runs; `stop` and `start` keep its data."""

    folder: Path
    host: str
    ca: Path | None = None
    """It speaks TLS, with a certificate of this authority."""
    process: subprocess.Popen[bytes] | None = field(default=None)

    def start(self) -> None:
        """Run it until it answers."""
        log = (self.folder / "log").open("ab")
        with log:
            self.process = subprocess.Popen(
                ["docker-registry", "serve", str(self.folder / "config.json")], stdout=log, stderr=log
            )
        context = ssl.create_default_context(cafile=str(self.ca)) if self.ca else None
        scheme = "https" if self.ca else "http"
        pause = threading.Event()
        end = time.monotonic() + _START_S
        while True:
            try:
                urllib.request.urlopen(f"{scheme}://{self.host}/v2/", context=context, timeout=2).close()
                return
            except urllib.error.HTTPError as error:
                error.close()
                return  # 401 is an answer
            except OSError:
                if time.monotonic() > end:
                    raise
                pause.wait(0.05)

    def kill(self) -> None:
        """As by kill -9."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def log(self) -> list[dict[str, object]]:
        """The access log's lines, for counting."""
        lines = (self.folder / "log").read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]


@contextmanager
def docker_registry(folder: Path, auth: str = "none", tls: bool = False) -> Iterator[DockerRegistry]:
    """One on a free port while inside. `auth`: `none`, `basic`, or `token` with a token server of ours."""
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        host = f"127.0.0.1:{free_tcp_port()}"
        http: dict[str, object] = {"addr": host}
        config: dict[str, object] = {
            "version": "0.1",
            "log": {"level": "info", "formatter": "json"},
            "storage": {
                "filesystem": {"rootdirectory": str(folder / "data")},
                "delete": {"enabled": True},
            },
            "http": http,
        }
        if tls or auth == "token":
            _make_certificate(folder)
        if tls:
            http["tls"] = {"certificate": str(folder / "cert.pem"), "key": str(folder / "key.pem")}
        if auth == "basic":
            (folder / "htpasswd").write_text(_HTPASSWD)
            config["auth"] = {"htpasswd": {"realm": "test", "path": str(folder / "htpasswd")}}
        if auth == "token":
            server = stack.enter_context(_token_server(folder))
            config["auth"] = {
                "token": {
                    "realm": f"http://{server}/token",
                    "service": "test",
                    "issuer": "issuer",
                    "rootcertbundle": str(folder / "cert.pem"),
                }
            }
        (folder / "config.json").write_text(json.dumps(config))
        registry = DockerRegistry(folder, host, folder / "cert.pem" if tls else None)
        registry.start()
        stack.callback(registry.kill)
        yield registry


def _make_certificate(folder: Path) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(folder / "key.pem"), "-out",
         str(folder / "cert.pem")],
        check=True,
        capture_output=True,
    )  # fmt: skip


@contextmanager
def _token_server(folder: Path) -> Iterator[str]:
    """Gives the tester what is asked for, as the Token Authentication Specification has it."""
    wanted = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()

    class TokenRequest(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.headers.get("Authorization") != wanted:
                self.send_error(401)
                return
            query = parse_qs(urlsplit(self.path).query)
            scopes = [one for text in query.get("scope", []) for one in text.split()]
            body = json.dumps({"token": _jwt(folder, scopes), "expires_in": 300}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Not to the terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), TokenRequest) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def _jwt(folder: Path, scopes: list[str]) -> str:
    access = []
    for scope in scopes:
        kind, _, rest = scope.partition(":")
        name, _, actions = rest.rpartition(":")
        access.append({"type": kind, "name": name, "actions": actions.split(",")})
    certificate = "".join((folder / "cert.pem").read_text().splitlines()[1:-1])
    now = int(time.time())
    head = {"typ": "JWT", "alg": "RS256", "x5c": [certificate]}
    claims = {
        "iss": "issuer", "sub": USER, "aud": "test", "exp": now + 300, "nbf": now - 10, "iat": now,
        "jti": "1", "access": access,
    }  # fmt: skip
    text = ".".join(_b64(json.dumps(part).encode()) for part in (head, claims))
    signed = subprocess.run(
        ["openssl", "dgst", "-sha256", "-sign", str(folder / "key.pem")],
        input=text.encode(),
        capture_output=True,
        check=True,
    )
    return f"{text}.{_b64(signed.stdout)}"


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
