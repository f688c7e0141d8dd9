"""How fast programs hand events in: many at once, over the socket and over HTTP."""

from __future__ import annotations

import json
import signal
import socket
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, cast

from bench.events import events
from bench.processes import cpu_s, rss_mb
from bench.program import TOCSIN, environment, run
from bench.report import Figure, show
from bench.rounds import seconds
from bench.stores import new_path

CLIENTS = 50
GOAL = 60_000
ROUNDS = 3
LISTS = 2_000
LIST = 100
SINGLES = 5_000
PATIENCE_S = 20.0

Ask = Callable[[IO[bytes], bytes], bytes]


def measure(folder: Path) -> None:
    """Print the rates of lists and of single events, and what the server costs."""
    lines = list(events(LISTS * LIST))
    lists = [b"[" + b",".join(lines[at : at + LIST]) + b"]" for at in range(0, len(lines), LIST)]
    singles = lines[:SINGLES]
    figures: list[Figure] = []
    with _socket(folder) as serving:
        figures += _rates("socket", serving, lists, singles, _ask_line)
    with _http(folder) as serving:
        figures += _rates("HTTP", serving, lists, singles, _ask_http(serving))
    show(
        f"Intake: {CLIENTS} clients at once, events of {len(lines[0])} bytes, {ROUNDS} rounds",
        figures,
    )


class Serving:
    """A store of its own, and the process that serves it."""

    def __init__(self, folder: Path, kind: str, *options: str) -> None:
        self.folder = folder
        self.kind = kind
        self.options = options
        self.token = ""
        self.address: str | tuple[str, int] = ""
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Serve a new, empty store."""
        store = str(new_path(self.folder))
        self._run(store, "source", "add", self.kind, *self.options)
        self.token = self._run(store, "token", "add", "bench").decode().strip()
        self.process = subprocess.Popen(
            (TOCSIN, "--db", store, "source", "run", self.kind),
            stdout=subprocess.DEVNULL,
            env=environment(self.folder),
        )
        ends = time.monotonic() + PATIENCE_S
        while True:
            with suppress(OSError):
                self.connect().close()
                return
            assert time.monotonic() < ends, "the source does not answer"
            time.sleep(0.02)

    def connect(self) -> socket.socket:
        """A new connection."""
        family = socket.AF_UNIX if isinstance(self.address, str) else socket.AF_INET
        connection = socket.socket(family, socket.SOCK_STREAM)
        connection.settimeout(PATIENCE_S)
        try:
            connection.connect(self.address)
        except OSError:
            connection.close()
            raise
        return connection

    def stop(self) -> None:
        """End the process cleanly."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait()
            self.process = None

    def _run(self, store: str, *words: str) -> bytes:
        return run(self.folder, TOCSIN, "--db", store, *words)


@contextmanager
def _socket(folder: Path) -> Iterator[Serving]:
    path = str(folder / "s")
    serving = Serving(folder, "socket", "--path", path)
    serving.address = path
    try:
        yield serving
    finally:
        serving.stop()


@contextmanager
def _http(folder: Path) -> Iterator[Serving]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    serving = Serving(folder, "http", "--listen", f"127.0.0.1:{port}")
    serving.address = ("127.0.0.1", port)
    try:
        yield serving
    finally:
        serving.stop()


def _rates(
    name: str, serving: Serving, lists: Sequence[bytes], singles: Sequence[bytes], ask: Ask
) -> list[Figure]:
    rates: dict[str, list[float]] = {"lists": [], "singles": [], "cpu": [], "rss": []}
    for _ in range(ROUNDS):
        serving.start()
        assert serving.process is not None
        before = cpu_s(serving.process.pid)
        rates["lists"].append(LISTS * LIST / seconds(lambda: _hand_in(serving, lists, ask)))
        spent = cpu_s(serving.process.pid) - before
        rates["cpu"].append(spent / (LISTS * LIST) * 1e6)
        rates["rss"].append(rss_mb(serving.process.pid))
        serving.stop()
        serving.start()
        rates["singles"].append(SINGLES / seconds(lambda: _hand_in(serving, singles, ask)))
        serving.stop()
    median = {what: statistics.median(values) for what, values in rates.items()}
    goal = GOAL if name == "socket" else None
    return [
        Figure(f"{name}, lists of {LIST}", median["lists"], "events/s", at_least=goal),
        Figure(f"{name}, single events", median["singles"], "events/s"),
        Figure(f"{name}, processor time of an event in a list", median["cpu"], "us"),
        Figure(f"{name}, memory after the lists", median["rss"], "MB"),
    ]


def _hand_in(serving: Serving, texts: Sequence[bytes], ask: Ask) -> None:
    shares = [texts[client::CLIENTS] for client in range(CLIENTS)]

    def client(share: Sequence[bytes]) -> int:
        with serving.connect() as connection, connection.makefile("rwb", 1 << 16) as stream:
            both = cast("IO[bytes]", stream)
            return sum(json.loads(ask(both, text))["accepted"] for text in share)

    with ThreadPoolExecutor(CLIENTS) as threads:
        accepted = sum(threads.map(client, shares))
    assert accepted == sum(text.count(b'"relationships"') for text in texts)


def _ask_line(stream: IO[bytes], text: bytes) -> bytes:
    stream.write(text + b"\n")
    stream.flush()
    return stream.readline()


def _ask_http(serving: Serving) -> Ask:
    def ask(stream: IO[bytes], text: bytes) -> bytes:
        head = (
            "POST /events HTTP/1.1\r\nhost: bench\r\n"
            f"authorization: Bearer {serving.token}\r\ncontent-length: {len(text)}\r\n\r\n"
        )
        stream.write(head.encode() + text)
        stream.flush()
        status = stream.readline()
        assert b" 200 " in status, status
        length = 0
        while (line := stream.readline()) != b"\r\n":
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        return stream.read(length)

    return ask
