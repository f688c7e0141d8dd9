"""Process that reads the events of a long input while this one adds those before them.

Reading takes as long as adding, so two processors halve the time. Run as a program with the
descriptor of the input, it gets the state of the lines on stdin and writes batches to stdout.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from errno import EIO
from typing import IO

import msgspec
from msgspec.structs import astuple, replace

from cli.event.input import BatchReader, Input, LineBatch, Lines, ReadingStopped
from domain.events import Event, SanitizedEvent

_LENGTH_BYTES = 8
_PIPE_BYTES = 1 << 20
"""Most that Linux allows everyone: each turn of the two processes takes more with it."""


class _State(msgspec.Struct, frozen=True):
    """State of `Lines`, from which the process goes on."""

    number: int
    rest: bytes
    overlong: bool


class _Frame(msgspec.Struct, frozen=True, tag=True):
    """Message with the events of some lines; `sanitized` are indexes of events."""

    batch: LineBatch
    sanitized: tuple[int, ...]


class _End(msgspec.Struct, frozen=True, tag=True):
    """Last message; `errno` is that of an input that cannot be read on, else 0."""

    errno: int = 0


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Frame | _End).decode


class ReadingProcess:
    """Reader of the rest of an input. Raises OSError where no process can be started."""

    def __init__(self, source: Input, lines: Lines) -> None:
        self._source = source
        descriptor = os.dup(source.descriptor)  # stdin itself would be the pipe of the state
        try:
            self._process = _start(descriptor)
        finally:
            os.close(descriptor)
        assert self._process.stdin is not None  # noqa: S101 - for the type checker: it is a pipe
        assert self._process.stdout is not None  # noqa: S101 - the same
        self._frames = self._process.stdout
        state = _encode(_State(lines.number, lines.rest, lines.overlong))
        with self._process.stdin as pipe, suppress(BrokenPipeError):  # it ended: no frame comes
            _write(pipe.fileno(), state)

    def batches(self) -> Iterator[LineBatch]:
        """Yield the batches up to the end of the input, or until it is stopped.

        Raises ReadingStopped, and the OSError that the process met at its input.
        """
        ahead = ThreadPoolExecutor(1)
        try:
            message = self._next()
            while isinstance(message, _Frame):
                following = ahead.submit(self._next)  # while these events are added
                yield _with_sanitized(message.batch, message.sanitized)
                message = following.result()
            if message is not None and message.errno:
                raise OSError(message.errno, os.strerror(message.errno))
        finally:
            self._process.kill()
            self._process.wait()
            ahead.shutdown()
            self._frames.close()

    def _next(self) -> _Frame | _End | None:
        """Return the next message; None when stopped."""
        if not self._source.wait_for(self._frames.fileno()):
            return None
        length = int.from_bytes(_exactly(self._frames, _LENGTH_BYTES), "big")
        message: _Frame | _End = _decode(_exactly(self._frames, length))
        return message


def _start(descriptor: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - our own program
        (sys.executable, "-P", "-m", __name__, str(descriptor)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # what it has to say comes in its frames
        bufsize=0,
        pipesize=_PIPE_BYTES,
        pass_fds=(descriptor,),
        process_group=0,  # Ctrl+C is for the other: what was read is added first
    )


def _run(descriptor: int) -> None:
    """Write the batches of the input until its end, or until nobody reads them any more."""
    frames = sys.stdout.fileno()
    state = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=_State)
    lines = Lines(state.number, state.rest, overlong=state.overlong)
    source = Input(descriptor, frames)
    try:
        for batch in BatchReader(source, lines, _now_ms, _random64).batches(source.chunk()):
            _write_message(frames, _Frame(batch, _sanitized(batch.text.events)))
        last = _End()
    except BrokenPipeError:
        return
    except OSError as error:
        last = _End(error.errno or EIO)
    _write_message(frames, last)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _random64() -> int:
    return secrets.randbits(64)


def _sanitized(events: Sequence[Event]) -> tuple[int, ...]:
    return tuple(i for i, event in enumerate(events) if type(event) is SanitizedEvent)


def _write_message(pipe: int, message: _Frame | _End) -> None:
    data = _encode(message)
    _write(pipe, len(data).to_bytes(_LENGTH_BYTES, "big") + data)


def _write(pipe: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(pipe, rest) :]


def _with_sanitized(batch: LineBatch, indexes: Sequence[int]) -> LineBatch:
    """Return the batch with the class of its sanitized events, which no message has."""
    events = list(batch.text.events)
    for index in indexes:
        events[index] = SanitizedEvent(*astuple(events[index]))
    return replace(batch, text=replace(batch.text, events=events))


def _exactly(pipe: IO[bytes], count: int) -> bytes:
    parts = []
    while count:
        part = pipe.read(count)
        if not part:
            raise ReadingStopped
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


if __name__ == "__main__":
    _run(int(sys.argv[1]))
