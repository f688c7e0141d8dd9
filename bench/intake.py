"""How fast programs hand events in: many at once, over the socket and over HTTP."""

from __future__ import annotations

import json
import selectors
import signal
import socket
import statistics
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bench.events import events
from bench.processes import cpu_s, rss_mb
from bench.program import TOCSIN, environment, run
from bench.report import Figure, show
from bench.rounds import seconds
from bench.stores import new_path

ROUNDS = 3
LIST = 100
LISTS = 2_000
LIST_CLIENTS = 50
LIST_GOALS = {"socket": 60_000, "HTTP": 100_000}
SINGLES = 20_000
SINGLE_CLIENTS = 100
SINGLE_GOALS = {"socket": 14_000, "HTTP": 6_000}
PATIENCE_S = 20.0
READ_BYTES = 64 * 1024


def measure(folder: Path) -> None:
    """Print the rates of lists and of single events, and what the server costs."""
    lines = list(events(LISTS * LIST))
    lists = [b"[" + b",".join(lines[at : at + LIST]) + b"]" for at in range(0, len(lines), LIST)]
    singles = lines[:SINGLES]
    figures: list[Figure] = []
    with _socket(folder) as serving:
        figures += _rates("socket", serving, lists, singles)
    with _http(folder) as serving:
        figures += _rates("HTTP", serving, lists, singles)
    show(
        f"Intake: {LIST_CLIENTS} clients with lists of {LIST}, {SINGLE_CLIENTS} with single "
        f"events, of {len(lines[0])} bytes; {ROUNDS} rounds",
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
            stderr=subprocess.DEVNULL,
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

    def pack(self, text: bytes) -> bytes:
        """The bytes of a request that hands this in."""
        if self.kind == "socket":
            return text + b"\n"
        head = (
            "POST /events HTTP/1.1\r\nhost: bench\r\n"
            f"authorization: Bearer {self.token}\r\ncontent-length: {len(text)}\r\n\r\n"
        )
        return head.encode() + text

    def find(self, data: bytes) -> bytes | None:
        """The JSON of an answer, None as long as it is not whole."""
        if self.kind == "socket":
            return data if data.endswith(b"\n") else None
        head, end, body = data.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        if not end or len(body) < int(length):
            return None
        assert head.startswith(b"HTTP/1.1 200 "), head
        return body

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
    name: str, serving: Serving, lists: Sequence[bytes], singles: Sequence[bytes]
) -> list[Figure]:
    many: list[_Run] = []
    few: list[_Run] = []
    for _ in range(ROUNDS):
        many.append(_run(serving, lists, LIST_CLIENTS, LIST))
        few.append(_run(serving, singles, SINGLE_CLIENTS, 1))
    return [
        *_figures(f"{name}, lists", many, LIST_GOALS[name]),
        *_figures(f"{name}, single events", few, SINGLE_GOALS[name]),
    ]


@dataclass(frozen=True, slots=True)
class _Run:
    """What handing in all texts of one round was like."""

    rate: float
    """Events in a second."""
    cpu_us: float
    """Processor time of the server for a request."""
    p50_ms: float
    rss_mb: float


def _run(serving: Serving, texts: Sequence[bytes], clients: int, size: int) -> _Run:
    """Hand these in to a new store; `size` is the number of events in each."""
    serving.start()
    try:
        assert serving.process is not None
        pid = serving.process.pid
        before = cpu_s(pid)
        times: list[float] = []
        took = seconds(lambda: times.extend(_hand_in(serving, texts, clients, size)))
        cpu_us = (cpu_s(pid) - before) / len(texts) * 1e6
        p50_ms = statistics.median(times) * 1e3
        return _Run(len(texts) * size / took, cpu_us, p50_ms, rss_mb(pid))
    finally:
        serving.stop()


def _figures(name: str, runs: Sequence[_Run], goal: int) -> list[Figure]:
    def median(value: Callable[[_Run], float]) -> float:
        return statistics.median(map(value, runs))

    return [
        Figure(name, median(lambda run: run.rate), "events/s", at_least=goal),
        Figure(f"{name}, processor time of a request", median(lambda run: run.cpu_us), "us"),
        Figure(f"{name}, time to the answer, p50", median(lambda run: run.p50_ms), "ms"),
        Figure(f"{name}, memory afterwards", median(lambda run: run.rss_mb), "MB"),
    ]


def _hand_in(serving: Serving, texts: Sequence[bytes], clients: int, size: int) -> list[float]:
    """Hand in texts, each client its next when it has its answer; how long each took, seconds.

    One thread with an epoll, so that the clients take as little of the machine as they can.
    """
    requests = deque(map(serving.pack, texts))
    times: list[float] = []
    with ExitStack() as stack:
        selector = stack.enter_context(selectors.DefaultSelector())
        for _ in range(clients):
            connection = stack.enter_context(serving.connect())
            client = _Client(connection)
            client.send(requests.popleft())
            selector.register(connection, selectors.EVENT_READ, client)
        while len(times) < len(texts):
            for key, _ in selector.select(PATIENCE_S):
                client = key.data
                answer = serving.find(client.receive())
                if answer is None:
                    continue
                assert json.loads(answer) == {"accepted": size, "repeated": 0}
                times.append(time.perf_counter() - client.sent_s)
                if requests:
                    client.send(requests.popleft())
    return times


class _Client:
    """One connection with at most one request under way."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._came = b""
        self.sent_s = 0.0

    def send(self, request: bytes) -> None:
        self._came = b""
        self.sent_s = time.perf_counter()
        self._connection.sendall(request)

    def receive(self) -> bytes:
        """All that came since the request was sent."""
        data = self._connection.recv(READ_BYTES)
        assert data, "the server closed the connection"
        self._came += data
        return self._came
