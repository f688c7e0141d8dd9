"""A small stand-in for the API of Pro Custodibus, in a process of its own.

It answers as the recordings of their broker show, and is told over HTTP too what to answer next:
`POST /told` sets queues, faults and more, `GET /log` gives the requests so far.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import sys
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

HELLO = re.compile(r"/queues/[\w.]+/hello")
NEXT = re.compile(r"/queues/(\w+)/next")
SET_UP = re.compile(r"/users/(\w+)/credentials/signature")


@dataclass
class World:
    """State of the server, and what it is told to do wrong.

    faults: by a part of a path: a status, or "cut", "drip", "garbage", "silent", "huge", "close"
    forgetful: whether it gives the same events again and again
    """

    queues: dict[str, list[Any]] = field(default_factory=dict)
    faults: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    setup_code: str = "code-1234"
    session_s: float = 3600
    forgetful: bool = False
    keys: dict[str, str] = field(default_factory=dict)
    challenges: dict[str, str] = field(default_factory=dict)
    sessions: dict[str, tuple[str, float]] = field(default_factory=dict)
    log: list[dict[str, Any]] = field(default_factory=list)


WORLD = World()


def custos(header: str) -> dict[str, bytes]:
    """The values of an X-Custos header."""
    found = {}
    for name, raw, value in re.findall(r"(\w+)=(\^?)([^\s,]*)", header.removeprefix("X-Custos ")):
        padded = value + "=" * (-len(value) % 4)
        found[name] = value.encode() if raw else base64.urlsafe_b64decode(padded)
    return found


def resource(id_: str, meta: dict[str, Any] | None = None, **attributes: Any) -> Any:
    return {"data": [{"id": id_, "attributes": attributes, "meta": meta or {}}]}


def refused(status: int) -> tuple[int, Any]:
    return status, {"errors": [{"status": str(status)}]}


def answer(method: str, path: str, header: str, body: Any) -> tuple[int, Any]:
    """Return what the real one would answer."""
    said = custos(header)
    user = said.get("user", b"").decode()
    set_up = SET_UP.fullmatch(path)
    if set_up and method == "POST":
        if said.get("broker_setup", b"").decode() != WORLD.setup_code:
            return refused(401)
        WORLD.keys[set_up[1]] = body["secret"]
        return 200, resource("jgV7kFynv7s", type="signature")
    if (method, path) == ("GET", "/sessions/challenge"):
        id_, value = secrets.token_hex(8), secrets.token_urlsafe(24)
        WORLD.challenges[id_] = value
        return 200, resource(id_, value=value)
    if (method, path) == ("POST", "/sessions"):
        return sign_in(user, said)
    owner, until = WORLD.sessions.get(said.get("session", b"").decode(), ("", 0.0))
    if not owner or owner != user or until <= time.monotonic():
        return refused(401)
    if method == "GET" and HELLO.fullmatch(path):
        return 200, resource(user, name="Stub broker")
    queue = NEXT.fullmatch(path)
    if not queue or method != "POST":
        return refused(404)
    events = WORLD.queues.get(queue[1], [])
    if not WORLD.forgetful:
        WORLD.queues[queue[1]] = events[body["max"] :]
    return 200, {"data": events[: body["max"]]}


def sign_in(user: str, said: dict[str, bytes]) -> tuple[int, Any]:
    value = WORLD.challenges.pop(said.get("challenge", b"").decode(), None)
    if user not in WORLD.keys or value is None:
        return refused(401)
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(WORLD.keys[user]))
    try:
        key.verify(said.get("signature", b""), value.encode())
    except InvalidSignature:
        return refused(401)
    token = secrets.token_urlsafe(24)
    WORLD.sessions[token] = (user, time.monotonic() + WORLD.session_s)
    return 200, resource("c313HELyrBU", meta={"expiration_timeout": WORLD.session_s}, token=token)


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        data = self.rfile.read(int(self.headers.get("content-length") or 0))
        body = json.loads(data or b"{}")
        if self.path == "/told":
            for name, value in body.items():
                setattr(WORLD, name, value)
            self.send(200, b"{}")
        elif self.path == "/log":
            self.send(200, json.dumps(WORLD.log).encode())
        else:
            header = self.headers.get("authorization", "")
            WORLD.log.append({"method": self.command, "path": self.path, "body": body})
            fault = next((WORLD.faults[part] for part in WORLD.faults if part in self.path), None)
            if isinstance(fault, int):
                self.send(fault, json.dumps(refused(fault)[1]).encode())
            else:
                status, told = answer(self.command, self.path, header, body)
                self.faulty(fault, status, json.dumps(told).encode())

    do_GET = do_POST = answer  # noqa: N815  # the names are http.server's

    def faulty(self, fault: str | None, status: int, data: bytes) -> None:
        """Answer, in the wrong way that it was told."""
        if fault is None:
            self.send(status, data)
        elif fault == "garbage":
            self.send(200, b"<html>we are down</html>")
        elif fault == "close":
            self.close_connection = True
        elif fault == "huge":
            self.send(200, b'{"data": [' + b"1" * 100_000 + b"]}")
        else:
            self.head(status, len(data))
            half = data[: len(data) * 2 // 3]
            self.wfile.write(half if fault in ("cut", "drip") else b"")
            self.wfile.flush()
            if fault in ("drip", "silent"):
                self.rfile.read(1)  # until the client goes away
            self.close_connection = True

    def head(self, status: int, length: int) -> None:
        self.send_response(status)
        for name, value in WORLD.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(length))
        self.end_headers()

    def send(self, status: int, data: bytes) -> None:
        self.head(status, len(data))
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on stderr."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    sys.stdin.close()
    server.serve_forever()
