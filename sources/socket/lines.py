"""The lines of one client: bounded in length, in time, and in what all clients hold together."""

from __future__ import annotations

import asyncio
from collections import deque

from sources.memory import MemoryBudget

LINE_LIMIT = 16 << 20
MOST_LINES = 100
TOGETHER_BYTES = 256 << 10
"""Short lines that are there at once are handled together: one commit serves them all."""

_READ_BYTES = 256 << 10
_BLANKS = b" \t\r"


class BadLine(Exception):
    """The client cannot go on: why, for its last answer."""


class LineReader:
    """Cuts what a client sends into lines."""

    def __init__(
        self, reader: asyncio.StreamReader, memory: MemoryBudget, timeout_s: float
    ) -> None:
        self._reader = reader
        self._memory = memory
        self._timeout_s = timeout_s
        self._whole: deque[bytes] = deque()
        self._parts: list[bytes] = []
        self._size = 0
        self._given = 0
        self._held = 0
        self._ended = False

    async def next(self) -> list[bytes]:
        """The lines that are there, at least one unless the client has ended; blank ones are left
        out.

        Raises BadLine where one is too long or too slow, MemoryFull.
        """
        while not self._whole and not self._ended:
            await self._read()
        lines: list[bytes] = []
        size = 0
        while self._whole and len(lines) < MOST_LINES:
            size += len(self._whole[0])
            if lines and size > TOGETHER_BYTES:
                break
            lines.append(self._whole.popleft())
        self._given += sum(map(len, lines))
        return lines

    def free(self) -> None:
        """What was given is done with."""
        self._give_back(self._given)
        self._given = 0

    def close(self) -> None:
        """Nothing is held any more."""
        self._give_back(self._held)

    def _give_back(self, count: int) -> None:
        self._memory.give(count)
        self._held -= count

    async def _read(self) -> None:
        """Read on until a line has ended. A line that has begun must come in time."""
        chunk = b"" if self._size else await self._reader.read(_READ_BYTES)
        begun = bool(self._size)
        try:
            async with asyncio.timeout(self._timeout_s):
                while begun or (chunk and not self._take(chunk)):
                    begun = False
                    chunk = await self._reader.read(_READ_BYTES)
        except TimeoutError:
            raise BadLine("the line took too long to come") from None
        if not chunk:
            self._ended = True
            self._end_line(b"")

    def _take(self, chunk: bytes) -> bool:
        """Whether lines ended in it, or nothing is begun."""
        self._memory.take(len(chunk))
        self._held += len(chunk)
        self._cut(chunk)
        # Blank lines and the ends of lines are not kept.
        kept = sum(map(len, self._whole)) + self._size + self._given
        self._give_back(self._held - kept)
        return bool(self._whole) or not self._size

    def _cut(self, chunk: bytes) -> None:
        first, *others = chunk.split(b"\n")
        if not others:
            self._begin(first)
            return
        self._end_line(first)
        *whole, rest = others
        self._whole.extend(line for line in whole if line.strip(_BLANKS))
        self._begin(rest)

    def _begin(self, part: bytes) -> None:
        self._parts.append(part)
        self._size += len(part)
        if self._size > LINE_LIMIT:
            raise BadLine(
                f"the line is longer than {LINE_LIMIT:,} bytes: hand in fewer events in one line"
            )

    def _end_line(self, last: bytes) -> None:
        self._begin(last)
        line = b"".join(self._parts)
        self._parts.clear()
        self._size = 0
        if line.strip(_BLANKS):
            self._whole.append(line)
