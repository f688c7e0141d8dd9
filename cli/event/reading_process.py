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
from contextlib import suppress
from typing import IO

import msgspec
from msgspec.structs import astuple, replace

from cli.event.input import BatchReader, Input, LineBatch, Lines, ReadingStopped
from domain.events import Event, SanitizedEvent

_LENGTH_BYTES = 8


class _State(msgspec.Struct, frozen=True):
    """State of `Lines`, from which the process goes on."""

    number: int
    rest: bytes
    overlong: bool


class _Frame(msgspec.Struct, frozen=True):
    """Message of the process; `sanitized` are indexes of events, `errno` ends a failed input."""

    batch: LineBatch | None = None
    sanitized: tuple[int, ...] = ()
    is_last: bool = False
    errno: int = 0


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Frame).decode


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
        try:
            while (frame := self._next()) is not None:
                if frame.errno:
                    raise OSError(frame.errno, os.strerror(frame.errno))
                if frame.batch is not None:
                    yield _with_sanitized(frame.batch, frame.sanitized)
                if frame.is_last:
                    return
        finally:
            self._process.kill()
            self._frames.close()
            self._process.wait()

    def _next(self) -> _Frame | None:
        """Return the next frame; None when stopped."""
        if not self._source.wait_for(self._frames.fileno()):
            return None
        length = int.from_bytes(_exactly(self._frames, _LENGTH_BYTES), "big")
        return _decode(_exactly(self._frames, length))


def _start(descriptor: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - our own program
        (sys.executable, "-P", "-m", __name__, str(descriptor)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # what it has to say comes in its frames
        bufsize=0,
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
            _write_frame(frames, _Frame(batch, _sanitized(batch.text.events)))
        last = _Frame(is_last=True)
    except BrokenPipeError:
        return
    except OSError as error:
        last = _Frame(errno=error.errno or 5)
    _write_frame(frames, last)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _random64() -> int:
    return secrets.randbits(64)


def _sanitized(events: Sequence[Event]) -> tuple[int, ...]:
    return tuple(i for i, event in enumerate(events) if type(event) is SanitizedEvent)


def _write_frame(pipe: int, frame: _Frame) -> None:
    message = _encode(frame)
    _write(pipe, len(message).to_bytes(_LENGTH_BYTES, "big") + message)


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
