"""Targets of `event emit`: the store, or the socket of a running Tocsin."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from cli.context import Context, open_for_writing
from cli.exit_codes import ExitCode, Failure
from domain.event_input import ID_TAKEN, forwarded_body
from domain.event_types import EventType
from domain.events import Event
from domain.safe import safe
from domain.wording import second_text, size_text
from store.events.adding import append
from store.files import free_bytes

if TYPE_CHECKING:
    from sources.emit import EmitError, Emitter

ROWS_BEFORE_PAUSE = 500
PAUSE_S = 0.001
"""The lock goes to whoever asks when it is free: without this pause, in which the next events are
read, a long input would keep others waiting."""

MOST_IN_A_LINE = 1_000
MOST_BYTES_IN_A_LINE = 4 << 20
RECONNECT_S = 30.0
"""Time for which a part is tried again, such as while a worker is restarted or its store busy."""

RETRY_S = 0.25


class Taken(msgspec.Struct, frozen=True):
    """Result of a `put`; `refused` has the reasons by index."""

    accepted: int
    repeated: int
    refused: Mapping[int, str] = msgspec.field(default_factory=dict)


class Target(Protocol):
    """Taker of events that were read."""

    def parts(self, events: Sequence[Event]) -> Iterable[range]:
        """Cut the events into parts, each for one `put`."""

    def put(self, events: Sequence[Event], now_ms: int, otherwise: str) -> Taken:
        """Take the events that can be taken; `otherwise` ends the sentence of a failure.

        Raises Failure where none can be taken now.
        """

    def close(self) -> None:
        """Release the connection."""


class StoreTarget:
    """Target that is the store itself."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._store = open_for_writing(context)
        self._rows_since_pause = 0
        self._committed_s = 0.0

    def parts(self, events: Sequence[Event]) -> Iterable[range]:
        """All of them, for one commit."""
        return (range(len(events)),) if events else ()

    def put(self, events: Sequence[Event], now_ms: int, otherwise: str) -> Taken:
        """Take all but those whose id is taken."""
        self._refuse_when_disk_is_short(events, otherwise)
        self._let_others_write()
        appended = self._store.call(append, events, now_ms)
        self._committed_s = time.monotonic()
        self._rows_since_pause += len(events)
        refused = {i: f"id {events[i].id}: {ID_TAKEN}" for i in appended.conflicts}
        return Taken(appended.accepted, appended.repeated, refused)

    def close(self) -> None:
        """Do nothing: the context closes the store."""

    def _refuse_when_disk_is_short(self, events: Sequence[Event], otherwise: str) -> None:
        """Raise Failure while the disk is nearly full, but not for sign-in events alone."""
        least = self._context.settings.min_free_disk_bytes
        free = free_bytes(self._store.path)
        if free >= least or all(event.type is EventType.LOG_AUTHN for event in events):
            return
        raise Failure(
            f"the disk of {self._store.path} has {size_text(free)} left, less than "
            f"min_free_disk ({size_text(least)}): {otherwise}; free some space and send it again",
            ExitCode.TEMPORARY,
        )

    def _let_others_write(self) -> None:
        if self._rows_since_pause < ROWS_BEFORE_PAUSE:
            return
        self._rows_since_pause = 0
        left_s = self._committed_s + PAUSE_S - time.monotonic()
        if left_s > 0:
            time.sleep(left_s)


class SocketTarget:
    """Target behind the socket of a running Tocsin; a byte in the descriptor `stop` ends it.

    `note` gets one line when a wait for the socket begins.
    """

    def __init__(self, path: str, stop: int, note: Callable[[str], None]) -> None:
        self._path = path
        self._stop = stop
        self._note = note
        self._is_noted = False
        self._emitter: Emitter | None = None
        self._connect()

    def parts(self, events: Sequence[Event]) -> Iterator[range]:
        """As many events at a time as make a line of bearable length."""
        start = size = 0
        for i, event in enumerate(events):
            size += len(event.body)
            if i - start == MOST_IN_A_LINE or (i > start and size > MOST_BYTES_IN_A_LINE):
                yield range(start, i)
                start, size = i, len(event.body)
        if events:
            yield range(start, len(events))

    def put(self, events: Sequence[Event], now_ms: int, otherwise: str) -> Taken:
        """Take all but those that the other side refuses."""
        return self._take([forwarded_body(event) for event in events], otherwise)

    def close(self) -> None:
        """Close the connection."""
        if self._emitter is not None:
            self._emitter.close()
            self._emitter = None

    def _take(self, texts: list[bytes], otherwise: str) -> Taken:
        """Hand in a line; if it is refused, event by event, to find the bad ones."""
        answer = self._hand_in(texts, otherwise)
        if isinstance(answer, Taken):
            return answer
        if len(texts) == 1:
            return Taken(0, 0, {0: safe(answer.reason, 500)})
        each = [self._take([text], otherwise) for text in texts]
        return Taken(
            sum(taken.accepted for taken in each),
            sum(taken.repeated for taken in each),
            {
                index: reason
                for index, taken in enumerate(each)
                for reason in taken.refused.values()
            },
        )

    def _hand_in(self, texts: list[bytes], otherwise: str) -> Taken | EmitError:
        """Hand in a line, again and again; since events have their ids, that is harmless."""
        from sources.emit import EmitError

        line = b"[" + b",".join(texts) + b"]"
        ends = time.monotonic() + RECONNECT_S
        while True:
            try:
                answer = self._connected(ends).emit_text(line)
                return Taken(answer["accepted"], answer["repeated"])
            except EmitError as error:
                if error.refused:
                    return Taken(error.accepted, error.repeated, _refused(error))
                if error.retry_after is None:
                    return error
                wait_s, failure = float(error.retry_after), _not_now(error, otherwise)
            except OSError as error:
                self.close()
                wait_s, failure = RETRY_S, self._failure(error, otherwise)
            self._wait(wait_s, ends, failure)

    def _connected(self, ends: float) -> Emitter:
        from sources.emit import Emitter

        if self._emitter is None:
            try:
                self._emitter = Emitter(self._path)
            except OSError as error:
                if self._may_answer_later(error):
                    self._note_wait(error, ends)
                raise
            self._is_noted = False
        return self._emitter

    def _note_wait(self, error: OSError, ends: float) -> None:
        if self._is_noted:
            return
        self._is_noted = True
        until = second_text(int((time.time() + ends - time.monotonic()) * 1_000))
        unserved = isinstance(error, FileNotFoundError | ConnectionRefusedError)
        since = ", since a worker may be starting" if unserved else ""
        self._note(
            f"No Tocsin answers at the socket {safe(self._path)} ({_reason(error)}): it is tried "
            f"until {until}{since}. Ctrl+C ends that."
        )

    def _connect(self) -> None:
        """Connect before anything is read, so that a failure comes before anything is typed."""
        ends = time.monotonic() + RECONNECT_S
        while self._emitter is None:
            try:
                self._connected(ends)
            except OSError as error:
                failure = self._failure(error, "nothing was taken")
                if not self._may_answer_later(error):
                    raise failure from None
                self._wait(RETRY_S, ends, failure)

    def _may_answer_later(self, error: OSError) -> bool:
        """True if there is no socket, or nobody accepts there, as between two workers."""
        waits = FileNotFoundError | ConnectionError | BlockingIOError | TimeoutError
        return isinstance(error, waits) and not self._is_something_else()

    def _is_something_else(self) -> bool:
        return os.path.exists(self._path) and not Path(self._path).is_socket()

    def _wait(self, wait_s: float, ends: float, failure: Failure) -> None:
        """Wait before the next try. Raises `failure` when time is over, Failure when stopped."""
        left_s = ends - time.monotonic()
        if left_s <= 0:
            raise failure from None
        if select.select([self._stop], [], [], min(max(wait_s, RETRY_S), left_s))[0]:
            raise Failure(f"interrupted: {failure.message}", ExitCode.INTERRUPTED)

    def _failure(self, error: OSError, otherwise: str) -> Failure:
        denied = isinstance(error, PermissionError)
        if denied:
            cure = "ask for membership in its group"
        elif self._is_something_else():
            cure = "it is no socket: name that of the source"
        else:
            cure = "is a worker with that source up?"
        return Failure(
            f"no Tocsin answers at the socket {self._path}: {_reason(error)}: {otherwise}; {cure}",
            ExitCode.PERMISSION if denied else ExitCode.TEMPORARY,
        )


def _reason(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__


def _refused(error: EmitError) -> dict[int, str]:
    """The reasons by index in the line; the other side counts as "event 2 of 3"."""
    return {
        int(refusal["place"].split()[1]) - 1 if " " in refusal["place"] else 0: (
            f"id {safe(refusal['id'], 100)}: {safe(refusal['reason'], 500)}"
        )
        for refusal in error.refused
    }


def _not_now(error: EmitError, otherwise: str) -> Failure:
    reason = f"{safe(error.reason, 500)}: {otherwise}; send it again later"
    return Failure(reason, ExitCode.TEMPORARY)
