"""Time that an event takes from a program of this host to a receiver, with an interval of 0."""

from __future__ import annotations

import selectors
import socket
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.events import ID_RANDOM, ID_SERIAL, events
from bench.program import TOCSIN, run, worker
from bench.results import Figure, Run
from bench.rounds import interleaved
from bench.stores import add_webhooks, new_path, opened

RATES = (5_000, 500, 10)
"""Events in a second."""

SECONDS, QUICK_SECONDS = 5, 3

MOST_P50_MS, MOST_P99_MS = 30.0, 100.0
"""Goals at the highest rate."""

CLIENTS = 10
TICK_S = 0.0005
PATIENCE_S = 20.0
READ_BYTES = 1 << 20
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
ID_MARK = b'"id":"'


def measure(run: Run) -> None:
    """Single events by the socket of a worker that sends, at several rates."""
    rates = RATES[: run.pick(len(RATES), 1)]
    taken = interleaved(
        {f"{rate:,}/s": _at(run.folder, rate, run.pick(SECONDS, QUICK_SECONDS)) for rate in rates},
        run.rounds,
    )
    for name, rounds in taken.items():
        is_highest = name == f"{max(RATES):,}/s"
        run.add(_figures(name, rounds, is_highest=is_highest))


@dataclass(frozen=True, slots=True)
class _Taken:
    """Times that the events of one round took."""

    p50_ms: float
    p99_ms: float
    longest_ms: float
    requests_s: float
    """Requests in a second."""
    cpu_share: float
    """Processor time of the worker, its sources included, in a second."""


def _figures(name: str, rounds: Sequence[_Taken], *, is_highest: bool) -> list[Figure]:
    def each(value: Callable[[_Taken], float]) -> tuple[float, ...]:
        return tuple(map(value, rounds))

    goals = (MOST_P50_MS, MOST_P99_MS) if is_highest else (None, None)
    return [
        Figure(f"{name}, p50", "ms", each(lambda one: one.p50_ms), at_most=goals[0]),
        Figure(f"{name}, p99", "ms", each(lambda one: one.p99_ms), at_most=goals[1]),
        Figure(f"{name}, longest", "ms", each(lambda one: one.longest_ms)),
        Figure(f"{name}, requests", "a second", each(lambda one: one.requests_s)),
        Figure(f"{name}, processor time of the worker", "%", each(lambda one: one.cpu_share)),
    ]


def _at(folder: Path, rate: int, seconds: int) -> Callable[[], _Taken]:
    lines = [line + b"\n" for line in events(rate * seconds)]
    return lambda: _round(folder, lines, rate)


def _round(folder: Path, lines: Sequence[bytes], rate: int) -> _Taken:
    path = folder / "s"
    with _exchange() as exchange:
        db = new_path(folder)
        run(folder, TOCSIN, "--db", str(db), "source", "add", "socket", "--path", str(path))
        with opened(db) as store:
            add_webhooks(store, [exchange.url])
        with worker(db, interval="0s") as working:
            exchange.connect(path)
            before, began_s = working.cpu_s, time.monotonic()
            exchange.send(lines, rate)
            exchange.wait(len(lines))
            spent, took_s = working.cpu_s - before, time.monotonic() - began_s
    latencies = sorted(exchange.latencies_ms())
    return _Taken(
        p50_ms=statistics.median(latencies),
        p99_ms=latencies[len(latencies) * 99 // 100],
        longest_ms=latencies[-1],
        requests_s=len(exchange.bodies) / took_s,
        cpu_share=spent / took_s * 100,
    )


class _Exchange:
    """The programs that hand events in, and the receiver, in one loop, so that one clock counts."""

    def __init__(self, listener: socket.socket, stack: ExitStack) -> None:
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        self.bodies: list[tuple[float, bytes]] = []
        """Each body that came, and when it was whole."""
        self._sent_s: list[float] = []
        self._clients: list[socket.socket] = []
        self._stack = stack
        self._selector = stack.enter_context(selectors.DefaultSelector())
        self._listener = listener
        self._selector.register(listener, selectors.EVENT_READ, self._accept)
        self._arrived = 0

    def connect(self, path: Path) -> None:
        """Open the connections on which events are handed in, as soon as the source listens."""
        ends = time.monotonic() + PATIENCE_S
        while len(self._clients) < CLIENTS:
            client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                client.connect(str(path))
            except OSError:
                client.close()
                assert time.monotonic() < ends, "the source does not listen"
                time.sleep(0.02)
                continue
            self._clients.append(self._stack.enter_context(client))
            self._selector.register(client, selectors.EVENT_READ, self._forget)

    def send(self, lines: Sequence[bytes], rate: int) -> None:
        """Hand in one event after the other, each at its time and by the next client."""
        began_s = time.monotonic()
        while (sent := len(self._sent_s)) < len(lines):
            now_s = time.monotonic()
            due = min(len(lines), int((now_s - began_s) * rate) + 1)
            for number in range(sent, due):
                self._sent_s.append(time.monotonic())
                self._clients[number % CLIENTS].sendall(lines[number])
            self._serve(TICK_S)

    def wait(self, count: int) -> None:
        """Serve until so many events have arrived."""
        ends = time.monotonic() + PATIENCE_S
        while self._arrived < count:
            assert time.monotonic() < ends, f"only {self._arrived} of {count} events arrived"
            self._serve(TICK_S)

    def latencies_ms(self) -> Iterator[float]:
        """The time that each event took, to the end of the body that holds it."""
        for at_s, body in self.bodies:
            for part in body.split(ID_MARK)[1:]:
                serial = part[ID_RANDOM : ID_RANDOM + ID_SERIAL]
                if serial.isdigit():  # the other ids are those of endpoints
                    yield (at_s - self._sent_s[int(serial)]) * 1e3

    def _serve(self, timeout_s: float) -> None:
        for key, _ in self._selector.select(timeout_s):
            key.data(key.fileobj)

    def _accept(self, listener: socket.socket) -> None:
        connection, _ = listener.accept()
        self._stack.enter_context(connection)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        came = bytearray()
        self._selector.register(
            connection, selectors.EVENT_READ, lambda connection: self._take(connection, came)
        )

    def _take(self, connection: socket.socket, came: bytearray) -> None:
        data = connection.recv(READ_BYTES)
        if not data:
            self._selector.unregister(connection)
            return
        came += data
        head, end, _ = bytes(came[:4_096]).partition(b"\r\n\r\n")
        if not end:
            return
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        whole = len(head) + len(end) + length
        if len(came) == whole:
            body = bytes(came[-length:])
            came.clear()
            connection.sendall(ANSWER)
            self.bodies.append((time.monotonic(), body))
            self._arrived += body.count(b'{"type":"endpoint_stats"')

    def _forget(self, client: socket.socket) -> None:
        assert client.recv(READ_BYTES), "the source closed the connection"


@contextmanager
def _exchange() -> Iterator[_Exchange]:
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        yield _Exchange(listener, stack)
