"""Rates at which programs hand events in: many at once, over the socket and over HTTP."""

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
from bench.results import Figure, Run
from bench.rounds import interleaved, seconds
from bench.stores import new_path

LIST = 100
LISTS = 2_000
LIST_CLIENTS = 50
LIST_GOALS = {"socket": 60_000, "http": 100_000}
SINGLES = 20_000
SINGLE_CLIENTS = 100
CLIENTS = ("--clients", str(2 * SINGLE_CLIENTS))  # one that has just gone counts still
SINGLE_GOALS = {"socket": 14_000, "http": 6_000}
PATIENCE_S = 20.0
READ_BYTES = 64 * 1024


def by_socket(run: Run) -> None:
    """Programs of this host."""
    with _socket(run.folder) as serving:
        _rates(run, serving)


def over_http(run: Run) -> None:
    """Programs anywhere."""
    with _http(run.folder) as serving:
        _rates(run, serving)


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
    serving = Serving(folder, "socket", "--path", path, *CLIENTS)
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
    serving = Serving(folder, "http", "--listen", f"127.0.0.1:{port}", *CLIENTS)
    serving.address = ("127.0.0.1", port)
    try:
        yield serving
    finally:
        serving.stop()


def _rates(run: Run, serving: Serving) -> None:
    lines = list(events(run.pick(LISTS, LISTS // 2) * LIST))
    lists = [b"[" + b",".join(lines[at : at + LIST]) + b"]" for at in range(0, len(lines), LIST)]
    singles = lines[: run.pick(SINGLES, SINGLES // 2)]
    taken = interleaved(
        {
            "lists": lambda: _hand_all_in(serving, lists, LIST_CLIENTS, LIST),
            "singles": lambda: _hand_all_in(serving, singles, SINGLE_CLIENTS, 1),
        },
        run.rounds,
    )
    run.add(
        [
            *_figures("lists", taken["lists"], LIST_GOALS[serving.kind]),
            *_figures("single events", taken["singles"], SINGLE_GOALS[serving.kind]),
        ],
        f"{LIST_CLIENTS} clients with lists of {LIST}, {SINGLE_CLIENTS} with single events",
    )


@dataclass(frozen=True, slots=True)
class _Taken:
    """Figures of handing in all texts of one round."""

    rate: float
    """Events in a second."""
    cpu_us: float
    """Processor time of the server for a request."""
    p50_ms: float
    rss_mb: float


def _hand_all_in(serving: Serving, texts: Sequence[bytes], clients: int, size: int) -> _Taken:
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
        return _Taken(len(texts) * size / took, cpu_us, p50_ms, rss_mb(pid))
    finally:
        serving.stop()


def _figures(name: str, taken: Sequence[_Taken], goal: int) -> list[Figure]:
    def each(value: Callable[[_Taken], float]) -> tuple[float, ...]:
        return tuple(map(value, taken))

    return [
        Figure(name, "events/s", each(lambda one: one.rate), at_least=goal),
        Figure(f"{name}, processor time of a request", "us", each(lambda one: one.cpu_us)),
        Figure(f"{name}, time to the answer, p50", "ms", each(lambda one: one.p50_ms)),
        Figure(f"{name}, memory afterwards", "MB", each(lambda one: one.rss_mb)),
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
                assert json.loads(answer) == {"accepted": size, "repeated": 0}, answer
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
