"""The HTTP source as a process: large bodies, many connections, TLS, and what an admin is told."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import ssl
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli.exit_codes import ExitCode
from tests.support.certificates import Authority
from tests.support.program import Tocsin
from tests.support.program_store import free_port, said
from tests.support.waiting import eventually

MIB = 1 << 20
CLIENTS = 100


@dataclass(slots=True)
class Centre:
    """A Tocsin that serves `/events`."""

    tocsin: Tocsin
    port: int
    token: str
    process: subprocess.Popen[str]
    tls: ssl.SSLContext | None = None

    def connect(self) -> http.client.HTTPConnection:
        if self.tls is None:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=60, context=self.tls)

    def post(self, body: bytes, **headers: str) -> tuple[int, Any]:
        """One request on a connection of its own."""
        with closing(self.connect()) as connection:
            sent = {"Authorization": f"Bearer {self.token}"} | headers
            connection.request("POST", "/events", body, sent)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

    def peak_memory(self) -> int:
        """The most bytes that the serving process has held."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        [peak] = [line for line in lines if line.startswith("VmHWM:")]
        return int(peak.split()[1]) << 10

    def source(self) -> Any:
        return json.loads(self.tocsin.run("source", "show", "http", "--json").stdout)


def _centre(tocsin: Tocsin, *options: str) -> Centre:
    port = free_port()
    made = tocsin.run("source", "add", "http", "--listen", f"127.0.0.1:{port}", *options)
    assert made.returncode == 0, made.stderr
    token = tocsin.run("token", "add", "edge").stdout.strip()
    process = tocsin.start("source", "run", "http", log=tocsin.home / "http.log")
    centre = Centre(tocsin, port, token, process)
    eventually(lambda: _listens(port), "the source listens")
    eventually(lambda: said(tocsin.home / "http.log", "running source http"), "it says so")
    return centre


def _problems(tocsin: Tocsin) -> list[str]:
    """Return what the running source told after the line with which it begins."""
    first, *more = (tocsin.home / "http.log").read_text().splitlines()
    assert first.startswith("running source http"), first
    return more


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


@pytest.fixture
def centre(tocsin: Tocsin) -> Iterator[Centre]:
    served = _centre(tocsin)
    yield served
    assert _problems(tocsin) == []
    assert served.source()["error"] is None


def events(count: int, size: int) -> bytes:
    return json.dumps(
        [
            {"type": "alerts", "id": f"a{number}", "attributes": {"text": "x" * size}}
            for number in range(count)
        ]
    ).encode()


def test_a_body_of_sixteen_megabytes_and_one_byte_more(centre: Centre) -> None:
    body = events(3000, 5000)
    body += b" " * (16 * MIB - len(body))
    assert centre.post(body) == (200, {"accepted": 3000, "repeated": 0})
    assert centre.post(body + b" ")[0] == 413
    packed = gzip.compress(body, 1)
    assert centre.post(packed, **{"Content-Encoding": "gzip"}) == (
        200,
        {"accepted": 0, "repeated": 3000},
    )
    assert centre.post(gzip.compress(body + b" ", 1), **{"Content-Encoding": "gzip"})[0] == 413


EVENT = b'{"type":"alerts","attributes":{}}'


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"[" + b",".join([EVENT] * 450_000) + b"]", 413),
        (b"\n".join([EVENT] * 450_000), 413),
        (b"[" + b"{}," * 5_000_000 + b"{}]", 400),
        (b'{"type":"alerts","attributes":{"a":[' + b"{}," * 5_000_000 + b"{}]}}", 400),
    ],
    ids=["array", "lines", "garbage", "one event"],
)
def test_large_texts_six_at_once_leave_memory_and_time_for_others(
    centre: Centre, body: bytes, status: int
) -> None:
    """Memory: under half of what the service may use, which is 512 MB.

    Others: a server that does nothing else while it reads a text serves about one in each round.
    """
    packed = gzip.compress(body)
    assert len(packed) < 60_000
    rounds, served = 4, 0
    with ThreadPoolExecutor(6) as pool:
        gzipped = {"Content-Encoding": "gzip"}
        bombs = [pool.submit(centre.post, packed, **gzipped) for _ in range(6 * rounds)]
        while not all(bomb.done() for bomb in bombs):
            assert centre.post(EVENT)[0] == 200
            served += 1
        statuses = {bomb.result()[0] for bomb in bombs}
    assert served > 2 * rounds
    assert status in statuses
    assert statuses <= {status, 503}
    assert centre.peak_memory() < 256 * MIB


def test_half_open_connections_of_strangers_keep_nobody_out(centre: Centre) -> None:
    with ExitStack() as opened:
        strangers = []
        for _ in range(2 * CLIENTS):
            connection = opened.enter_context(
                socket.create_connection(("127.0.0.1", centre.port), timeout=60)
            )
            connection.sendall(b"POST /events HTTP/1.1\r\n")
            strangers.append(connection)
        assert centre.post(events(1, 1))[0] == 200
        gone = [one for one in strangers if _is_gone(one)]
        assert len(gone) >= CLIENTS, "those that were idle for longest"
    assert centre.post(events(1, 1))[0] == 200


def test_strangers_who_ask_for_the_health_keep_nobody_out(centre: Centre) -> None:
    asking = b"GET /health HTTP/1.1\r\nhost: a\r\n\r\n"
    with ExitStack() as opened:
        for _ in range(2 * CLIENTS):
            connection = opened.enter_context(
                socket.create_connection(("127.0.0.1", centre.port), timeout=60)
            )
            connection.sendall(asking)
            answer = connection.makefile("rb").read()
            assert b"connection: close" in answer.lower(), "who was not let in keeps no connection"
        assert centre.post(events(1, 1))[0] == 200


def _is_gone(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(100) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def test_over_tls(tocsin: Tocsin, authority: Authority) -> None:
    certificate, key = authority.issue(name="intake")
    centre = _centre(tocsin, "--certificate", str(certificate), "--private-key", str(key))
    centre.tls = ssl.create_default_context(cafile=str(authority.file))
    assert centre.post(events(2, 10)) == (200, {"accepted": 2, "repeated": 0})
    centre.tls = ssl.create_default_context()
    with pytest.raises(ssl.SSLError):
        centre.post(events(2, 10))
    assert _problems(tocsin) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--listen", "0.0.0.0:0"), "set certificate and private_key"),
        (("--certificate", "/nowhere/cert.pem"), "set both or neither"),
    ],
)
def test_what_keeps_it_from_listening_is_its_health(
    tocsin: Tocsin, options: tuple[str, ...], words: str
) -> None:
    tocsin.run("source", "add", "http", *options)
    log = tocsin.home / "http.log"
    tocsin.start("source", "run", "http", log=log)
    eventually(lambda: said(log, words), "the log tells")
    shown = json.loads(tocsin.run("source", "show", "http", "--json").stdout)
    assert words in shown["error"]


def test_it_is_not_looked_at_once(tocsin: Tocsin) -> None:
    tocsin.run("source", "add", "http")
    done = tocsin.run("source", "run", "http", "--once")
    assert done.returncode == ExitCode.IO_ERROR
    assert "without --once" in done.stderr
