"""SSH logins of a host from its journal, read on from a cursor."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from domain.settings import MINUTE_MS
from sources.authn.alerts import AlertRules
from sources.authn.journalctl import CursorError, JournalCommand, Read
from sources.authn.logins import IDENTIFIERS, Line, Progress, derive
from sources.base import Batch, is_told_still

LATE_MS = 60 * MINUTE_MS
"""How far back an entry of an unknown journal file may be to be taken for a new one."""

CHECK_MS = MINUTE_MS
"""How often it is asked whether a journal that has nothing new can be read at all."""

END_US = 1 << 55
"""What the journal itself takes for a time ends in the year 3111."""

MOST_FILES = 64
_CURSOR = re.compile(r"s=([0-9a-f]+);i=([0-9a-f]+);.*")
_TRUSTED = ("syslog", "stdout")
_LOST = "the place in the journal was lost: it was read anew from an hour before"
_VERSION = 1


class State(msgspec.Struct, frozen=True):
    """Where in the journal we are.

    cursor:  of the last entry that was read, "" before the first
    at_ms:   when that was written, or when the source began
    numbers: the last number that was read of each sequence that the journal has numbered in
    lost_ms: when the cursor was last worth nothing, None where it always was
    """

    cursor: str
    at_ms: int
    numbers: Mapping[str, int] = {}
    progress: Progress = Progress()
    version: int = _VERSION
    lost_ms: int | None = None


class _Entry(msgspec.Struct, frozen=True):
    """An entry; fields are lists where they were given twice or are no text."""

    cursor: str = msgspec.field(name="__CURSOR")
    time_us: str = msgspec.field(name="__REALTIME_TIMESTAMP")
    message: Any = msgspec.field(name="MESSAGE", default=None)
    identifier: Any = msgspec.field(name="SYSLOG_IDENTIFIER", default=None)
    uid: Any = msgspec.field(name="_UID", default=None)
    transport: Any = msgspec.field(name="_TRANSPORT", default=None)
    machine: Any = msgspec.field(name="_MACHINE_ID", default=None)
    host: Any = msgspec.field(name="_HOSTNAME", default=None)


_entries = msgspec.json.Decoder(_Entry)
_states = msgspec.json.Decoder(State)


class JournalSource:
    """Polls `journalctl`, from now on at first."""

    def __init__(self, command: str, *, name: str, rules: AlertRules) -> None:
        self.name = name
        self._command = JournalCommand(command)
        self._rules = rules
        self._checked_ms: int | None = None

    def poll(self, now_ms: int, state: bytes | None) -> Batch:
        """Read what was written since `state`. Raises SourceError."""
        before, warning = _recalled(state, now_ms)
        read, before = self._read(before, now_ms)
        if not read.lines:
            self._check(now_ms)
        lines, after, broken = _lines(read, before)
        events, progress = derive(before.progress, lines, self._rules)
        after = msgspec.structs.replace(after, progress=progress, lost_ms=before.lost_ms)
        entries = "1 entry" if broken == 1 else f"{broken} entries"
        lost = _LOST if is_told_still(before.lost_ms, now_ms) else ""
        unreadable = f"{entries} of the journal could not be read" if broken else ""
        return Batch(
            events=tuple(events),
            state=msgspec.json.encode(after),
            warning="; ".join(one for one in (warning, lost, unreadable) if one),
            more=read.more and after.cursor != before.cursor,
        )

    def _check(self, now_ms: int) -> None:
        """Whether nothing new is no journal, once in a while. Raises SourceError."""
        if self._checked_ms is not None and 0 <= now_ms - self._checked_ms < CHECK_MS:
            return
        self._command.check()
        self._checked_ms = now_ms

    def _read(self, state: State, now_ms: int) -> tuple[Read, State]:
        """Read what comes after the state, which notes when its cursor is worth nothing."""
        if not state.cursor:
            return self._command.read(_since(state.at_ms)), state
        try:
            return self._command.read(f"--after-cursor={state.cursor}"), state
        except CursorError:
            read = self._command.read(_since(state.at_ms - LATE_MS))
            return read, msgspec.structs.replace(state, lost_ms=now_ms)


def _since(at_ms: int) -> str:
    return f"--since=@{max(0, at_ms) // 1000}"


def _recalled(state: bytes | None, now_ms: int) -> tuple[State, str]:
    if state is None:
        return State("", now_ms), ""
    try:
        known = _states.decode(state)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        known = None
    if known is None or known.version != _VERSION:
        return State("", now_ms), "what was remembered cannot be used: logins count from now"
    # An entry of a clock that was ahead must not hide those of a journal begun anew.
    return msgspec.structs.replace(known, at_ms=min(known.at_ms, now_ms)), ""


def _lines(read: Read, state: State) -> tuple[list[Line], State, int]:
    """What is new and sshd's own, where that has brought us, and how many entries are broken."""
    lines: list[Line] = []
    numbers, at_ms, cursor, broken = dict(state.numbers), state.at_ms, state.cursor, 0
    for text in read.lines:
        try:
            entry = _entries.decode(text)
            written_ms = _written_ms(entry.time_us)
        except (msgspec.MsgspecError, UnicodeDecodeError, ValueError):
            broken += 1
            continue
        place, cursor = _place(entry.cursor), entry.cursor
        if not _is_new(place, written_ms, numbers, state):
            continue
        at_ms = written_ms
        if place is not None:
            numbers.pop(place[0], None)
            numbers[place[0]] = place[1]
        line = _line(entry, written_ms, place)
        lines += [line] if line is not None else []
    newest = dict(list(numbers.items())[-MOST_FILES:])
    return lines, State(cursor, at_ms, newest), broken


def _written_ms(time_us: str) -> int:
    """When an entry was written. Raises ValueError for what no clock says."""
    written_us = int(time_us)
    if not 0 <= written_us < END_US:
        raise ValueError("no clock goes so far")
    return written_us // 1000


def _place(cursor: str) -> tuple[str, int] | None:
    """The sequence of numbers that an entry is in, and its number."""
    match = _CURSOR.fullmatch(cursor)
    return None if match is None else (match[1], int(match[2], 16))


def _is_new(
    place: tuple[str, int] | None, written_ms: int, numbers: Mapping[str, int], state: State
) -> bool:
    """journalctl gives all there is, without a word, where the cursor is gone."""
    if place is not None and place[0] in numbers:
        return place[1] > numbers[place[0]]
    return written_ms >= state.at_ms - (LATE_MS if state.cursor else 0)


def _line(entry: _Entry, written_ms: int, place: tuple[str, int] | None) -> Line | None:
    """None for what somebody else than sshd wrote under its name."""
    if entry.uid != "0" or entry.transport not in _TRUSTED or entry.identifier not in IDENTIFIERS:
        return None
    message = _message(entry.message)
    if message is None:
        return None
    facts = (entry.cursor,) if place is None else (place[0], str(place[1]))
    return Line(written_ms, _text(entry.machine), _text(entry.host), message, facts)


def _message(value: Any) -> str | None:
    """A message that is no text comes as a list of its bytes."""
    if isinstance(value, str):
        return value
    try:
        return bytes(value).decode("utf-8", "backslashreplace") if value else None
    except (TypeError, ValueError):
        return None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
