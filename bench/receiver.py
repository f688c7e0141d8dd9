"""A receiver that costs little: reads POSTs, answers 200, keeps each body's length and SHA-256.

Run as `python -m bench.receiver`; prints its port. A line on stdin is a request, answered by a line
of JSON: `await N` when events of N bytes have come, a comma counted with each; `report` at once.
`reset` forgets what came and is not answered. It ends when stdin does.
"""

from __future__ import annotations

import hashlib
import json
import os
import selectors
import socket
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LENGTH = b"content-length:"
MOST_BYTES = 1 << 20
BACKLOG = 1_024


@dataclass(slots=True)
class Record:
    """Requests that have come so far; times are of the monotonic clock, in seconds."""

    bodies: defaultdict[str, list[tuple[int, str]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    """The length and SHA-256 of each body in the order of their ends, by path."""

    bytes: int = 0
    """Bytes of all events: a body of n events has n - 1 commas and two brackets."""

    first_s: float = 0.0
    """The first request began."""

    last_s: float = 0.0
    """The last body ended."""


class Connection:
    """One connection: heads are parsed, bodies hashed as they come."""

    def __init__(self, connected: socket.socket, record: Record) -> None:
        self.socket = connected
        self.record = record
        self._head = b""
        self._path = ""
        self._length = self._left = 0
        self._sha256 = hashlib.sha256()

    def take(self, data: memoryview) -> None:
        """Take what came: the rest of a body, then the head of the next request."""
        while data:
            if self._left:
                part = data[: self._left]
                self._sha256.update(part)
                self._left -= len(part)
                data = data[len(part) :]
                if not self._left:
                    self._end_body()
            else:
                data = self._take_head(data)

    def _take_head(self, data: memoryview) -> memoryview:
        known = len(self._head)
        head, end, _ = (self._head + bytes(data[:65_536])).partition(b"\r\n\r\n")
        if not end:
            self._head = head
            return data[len(data) :]
        self._head = b""
        self.record.first_s = self.record.first_s or time.monotonic()
        lower = head.lower()
        at = lower.index(LENGTH) + len(LENGTH)
        self._length = self._left = int(lower[at:].partition(b"\r\n")[0])
        self._path = head.split(b" ", 2)[1].decode()
        self._sha256 = hashlib.sha256()
        if b"\r\nexpect:" in lower:
            self.socket.sendall(CONTINUE)
        return data[len(head) + len(end) - known :]

    def _end_body(self) -> None:
        self.socket.sendall(ANSWER)
        record = self.record
        record.bodies[self._path].append((self._length, self._sha256.hexdigest()))
        record.bytes += self._length - 1
        record.last_s = time.monotonic()


class Server:
    """All connections, and the requests on stdin, in one loop."""

    def __init__(self) -> None:
        self.record = Record()
        self._awaited: int | None = None
        self._selector = selectors.DefaultSelector()
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
        self._selector.register(self._listening, selectors.EVENT_READ)
        self._selector.register(sys.stdin.fileno(), selectors.EVENT_READ, self._obey)
        self._buffer = memoryview(bytearray(MOST_BYTES))
        self._asked = b""
        self._open = True
        print(self._listening.getsockname()[1], flush=True)

    def run(self) -> None:
        """Serve until stdin ends."""
        while self._open:
            for key, _ in self._selector.select():
                if isinstance(key.data, Connection):
                    self._read(key.data)
                elif key.fileobj is self._listening:
                    self._accept()
                else:
                    self._obey()
            if self._awaited is not None and self.record.bytes >= self._awaited:
                self._awaited = None
                self._say({"first_s": self.record.first_s, "last_s": self.record.last_s})

    def _accept(self) -> None:
        connected, _ = self._listening.accept()
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(connected, self.record)
        self._selector.register(connected, selectors.EVENT_READ, connection)

    def _read(self, connection: Connection) -> None:
        try:
            count = connection.socket.recv_into(self._buffer)
            connection.record = self.record
            connection.take(self._buffer[:count])
        except OSError:
            count = 0
        if not count:
            self._selector.unregister(connection.socket)
            connection.socket.close()

    def _obey(self) -> None:
        data = os.read(sys.stdin.fileno(), 65_536)
        self._open = bool(data)
        *lines, self._asked = (self._asked + data).split(b"\n")
        for line in lines:
            word, _, number = line.partition(b" ")
            if word == b"await":
                self._awaited = int(number)
            elif word == b"reset":
                self.record = Record()
            else:
                self._say(self.record.bodies)

    def _say(self, answer: object) -> None:
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    Server().run()
