"""SSH logins of a host from its journal, read on from a cursor."""

from __future__ import annotations

import re
import selectors
import shlex
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import PurePath
from typing import IO, Any

import msgspec

from domain.safe import safe
from domain.settings import MINUTE_MS
from sources.base import Batch, SourceError, is_recent_loss, split_command
from sources.logins.alerts import AlertRules
from sources.logins.messages import IDENTIFIERS, LoginProgress, SshdLine, derive

TIMEOUT_S = 20.0
MOST_ENTRIES = 2_000
MOST_BYTES = 16 * 1024 * 1024
FIELDS = ("MESSAGE", "SYSLOG_IDENTIFIER", "_HOSTNAME", "_MACHINE_ID", "_TRANSPORT", "_UID")
_CHUNK = 65_536
_COMPLAINT_BYTES = 16_384
_BAD_CURSOR = "Failed to seek to cursor"
_NO_RIGHT = ("insufficient permissions", "not seeing messages from other users")
_NO_JOURNAL = "No journal files were found"
_RIGHTS_CURE = "put the account of tocsin into the group systemd-journal, and start it anew"
_ELSEWHERE_CURE = (
    "where sshd logs to a file, set the source's option file to it, as /var/log/auth.log"
)

LATE_MS = 60 * MINUTE_MS
"""Age up to which an entry of an unknown journal file is taken for a new one."""

CHECK_MS = MINUTE_MS
"""Time between checks that a journal that has nothing new can be read at all."""

END_US = 1 << 55
"""Last time, in microseconds, that the journal itself takes for one: in the year 3111."""

MOST_FILES = 64
_CURSOR = re.compile(r"s=([0-9a-f]+);i=([0-9a-f]+);.*")
_TRUSTED = ("syslog", "stdout")
_LOST = "the place in the journal was lost: it was read anew from an hour before"
_VERSION = 1


class CursorError(Exception):
    """Raised where the journal cannot be read on from a cursor."""


class JournalEntries(msgspec.Struct, frozen=True):
    """Entries as they were printed, and whether there are more."""

    lines: tuple[bytes, ...]
    more: bool


class JournalCommand:
    """Command that takes the options of journalctl, split as a shell would; no shell runs it."""

    def __init__(self, text: str, *, timeout_s: float = TIMEOUT_S) -> None:
        self._text = safe(text, 200)
        self._argv = split_command(text, "journalctl")
        self._timeout_s = timeout_s

    def read(self, start: str, *, most: int = MOST_ENTRIES) -> JournalEntries:
        """Read entries of sshd from `start` on, an option. Raises CursorError, SourceError."""
        identifiers = [f"--identifier={name}" for name in IDENTIFIERS]
        fields = f"--output-fields={','.join(FIELDS)}"
        output, is_whole = self._run(["--output=json", fields, *identifiers, start], most)
        lines = output.split(b"\n")[:most]
        return JournalEntries(tuple(line for line in lines if line), more=not is_whole)

    def check(self) -> None:
        """Raise SourceError where nothing can be read, which JSON output does not report."""
        self._run(["--output=short", "--lines=1"], 1)

    def _run(self, options: Sequence[str], most: int) -> tuple[bytes, bool]:
        with tempfile.TemporaryFile() as complaints:
            process = self._start(options, complaints)
            try:
                output, is_whole = self._output(process, most)
                code = self._end(process, is_whole)
            finally:
                with suppress(OSError):
                    process.kill()
                process.wait()
                if process.stdout is not None:
                    process.stdout.close()
            complaints.seek(0)
            self._check(code, complaints.read(_COMPLAINT_BYTES).decode("utf-8", "backslashreplace"))
        return output, is_whole

    def _start(self, options: Sequence[str], complaints: IO[bytes]) -> subprocess.Popen[bytes]:
        options = ["--no-pager", *options]
        if PurePath(self._argv[0]).name == "ssh":
            options = [shlex.quote(option) for option in options]  # a shell there reads them
        program = safe(self._argv[0], 200)
        try:
            return subprocess.Popen(  # noqa: S603  # the admin's own command, and no shell
                [*self._argv, *options],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=complaints,
                start_new_session=True,
            )
        except FileNotFoundError:
            raise SourceError(f"there is no program `{program}`", _ELSEWHERE_CURE) from None
        except OSError as error:
            cure = "name a program in the source's command that this account may run"
            raise SourceError(f"`{self._text}` cannot start: {error.strerror}", cure) from None

    def _output(self, process: subprocess.Popen[bytes], most: int) -> tuple[bytes, bool]:
        """Return whole lines, and whether the output ended. Raises SourceError where none comes."""
        deadline = time.monotonic() + self._timeout_s
        output = bytearray()
        count = 0
        if process.stdout is None:
            return b"", True
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while count <= most and len(output) <= MOST_BYTES:
                left = deadline - time.monotonic()
                if left <= 0 or not selector.select(left):
                    return self._as_much_as_came(output, count)
                chunk = process.stdout.read1(_CHUNK)  # type: ignore[attr-defined]  # it is buffered
                if not chunk:
                    return bytes(output), True
                output += chunk
                count += chunk.count(b"\n")
        return self._as_much_as_came(output, count)

    def _as_much_as_came(self, output: bytearray, count: int) -> tuple[bytes, bool]:
        if not count:
            raise SourceError(
                f"`{self._text}` printed no entry within {self._timeout_s:g} s",
                "run it by hand as the account of tocsin, and see what it waits for",
            )
        return bytes(output[: output.rindex(b"\n")]), False

    def _end(self, process: subprocess.Popen[bytes], is_whole: bool) -> int:
        """Return the exit code; 0 where there is more output than is wanted."""
        if not is_whole:
            return 0
        try:
            return process.wait(self._timeout_s)
        except subprocess.TimeoutExpired:
            raise SourceError(f"`{self._text}` does not end", "see what it waits for") from None

    def _check(self, code: int, complaints: str) -> None:
        if _BAD_CURSOR in complaints:
            raise CursorError
        if any(sign in complaints for sign in _NO_RIGHT):
            raise SourceError("this account may not read the journal of the system", _RIGHTS_CURE)
        if _NO_JOURNAL in complaints:
            raise SourceError("this host keeps no journal", _ELSEWHERE_CURE)
        if code != 0:
            said = complaints.strip().splitlines()
            last = safe(said[-1], 300) if said else "it said nothing"
            raise SourceError(
                f"`{self._text}` failed with exit status {code}: {last}",
                "run it by hand as the account of tocsin, and correct the source's command",
            )


class JournalState(msgspec.Struct, frozen=True):
    """State of the source: the place in the journal.

    cursor:  of the last entry that was read, "" before the first
    at_ms:   when that was written, or when the source began
    numbers: the last number that was read of each sequence that the journal has numbered in
    lost_ms: when the journal last did not know the cursor any more, None where that never was
    """

    cursor: str
    at_ms: int
    numbers: Mapping[str, int] = {}
    progress: LoginProgress = LoginProgress()
    version: int = _VERSION
    lost_ms: int | None = None


class _Entry(msgspec.Struct, frozen=True):
    """Entry; fields are lists where they were given twice or are no text."""

    cursor: str = msgspec.field(name="__CURSOR")
    time_us: str = msgspec.field(name="__REALTIME_TIMESTAMP")
    message: Any = msgspec.field(name="MESSAGE", default=None)
    identifier: Any = msgspec.field(name="SYSLOG_IDENTIFIER", default=None)
    uid: Any = msgspec.field(name="_UID", default=None)
    transport: Any = msgspec.field(name="_TRANSPORT", default=None)
    machine: Any = msgspec.field(name="_MACHINE_ID", default=None)
    host: Any = msgspec.field(name="_HOSTNAME", default=None)


_entries = msgspec.json.Decoder(_Entry)
_states = msgspec.json.Decoder(JournalState)


class JournalSource:
    """Polls `journalctl`, from now on at first."""

    def __init__(self, command: str, *, name: str, rules: AlertRules) -> None:
        self.name = name
        self._command = JournalCommand(command)
        self._rules = rules
        self._checked_ms: int | None = None

    def poll(self, now_ms: int, state: bytes | None) -> Batch:
        """Read what was written since `state`. Raises SourceError."""
        before, warning = _read_state(state, now_ms)
        read, before = self._read(before, now_ms)
        if not read.lines:
            self._check(now_ms)
        lines, after, broken = _lines(read, before)
        events, progress = derive(before.progress, lines, self._rules)
        after = msgspec.structs.replace(after, progress=progress, lost_ms=before.lost_ms)
        entries = "1 entry" if broken == 1 else f"{broken} entries"
        lost = _LOST if is_recent_loss(before.lost_ms, now_ms) else ""
        unreadable = f"{entries} of the journal could not be read" if broken else ""
        return Batch(
            events=tuple(events),
            state=msgspec.json.encode(after),
            warning="; ".join(filter(None, (warning, lost, unreadable))),
            more=read.more and after.cursor != before.cursor,
        )

    def _check(self, now_ms: int) -> None:
        """Check once in a while that the journal can be read at all. Raises SourceError."""
        if self._checked_ms is not None and 0 <= now_ms - self._checked_ms < CHECK_MS:
            return
        self._command.check()
        self._checked_ms = now_ms

    def _read(self, state: JournalState, now_ms: int) -> tuple[JournalEntries, JournalState]:
        """Read what comes after the state, which notes when its cursor cannot be used."""
        if not state.cursor:
            return self._command.read(_since(state.at_ms)), state
        try:
            return self._command.read(f"--after-cursor={state.cursor}"), state
        except CursorError:
            read = self._command.read(_since(state.at_ms - LATE_MS))
            return read, msgspec.structs.replace(state, lost_ms=now_ms)


def _since(at_ms: int) -> str:
    return f"--since=@{max(0, at_ms) // 1000}"


def _read_state(state: bytes | None, now_ms: int) -> tuple[JournalState, str]:
    if state is None:
        return JournalState("", now_ms), ""
    try:
        known = _states.decode(state)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        known = None
    if known is None or known.version != _VERSION:
        return JournalState("", now_ms), "what was remembered cannot be used: logins count from now"
    # An entry of a clock that was ahead must not hide those of a journal begun anew.
    return msgspec.structs.replace(known, at_ms=min(known.at_ms, now_ms)), ""


def _lines(read: JournalEntries, state: JournalState) -> tuple[list[SshdLine], JournalState, int]:
    """Return new lines of sshd itself, the state behind them, and how many entries are broken."""
    lines: list[SshdLine] = []
    numbers, at_ms, cursor, broken = dict(state.numbers), state.at_ms, state.cursor, 0
    for text in read.lines:
        try:
            entry = _entries.decode(text)
            written_ms = _written_ms(entry.time_us)
        except (msgspec.MsgspecError, UnicodeDecodeError, ValueError):
            broken += 1
            continue
        number, cursor = _number(entry.cursor), entry.cursor
        if not _is_new(number, written_ms, numbers, state):
            continue
        at_ms = written_ms
        if number is not None:
            numbers.pop(number[0], None)
            numbers[number[0]] = number[1]
        line = _line(entry, written_ms, number)
        lines += [line] if line is not None else []
    newest = dict(list(numbers.items())[-MOST_FILES:])
    return lines, JournalState(cursor, at_ms, newest), broken


def _written_ms(time_us: str) -> int:
    """Return the time of an entry. Raises ValueError for one that no clock shows."""
    written_us = int(time_us)
    if not 0 <= written_us < END_US:
        raise ValueError("no clock goes so far")
    return written_us // 1000


def _number(cursor: str) -> tuple[str, int] | None:
    """Return the sequence that an entry is numbered in, and its number there."""
    match = _CURSOR.fullmatch(cursor)
    return None if match is None else (match[1], int(match[2], 16))


def _is_new(
    number: tuple[str, int] | None, written_ms: int, numbers: Mapping[str, int], state: JournalState
) -> bool:
    """Return whether an entry is new: when the cursor is gone, journalctl gives old ones too."""
    if number is not None and number[0] in numbers:
        return number[1] > numbers[number[0]]
    return written_ms >= state.at_ms - (LATE_MS if state.cursor else 0)


def _line(entry: _Entry, written_ms: int, number: tuple[str, int] | None) -> SshdLine | None:
    """Return the line of an entry; None if somebody else than sshd wrote it under its name."""
    if entry.uid != "0" or entry.transport not in _TRUSTED or entry.identifier not in IDENTIFIERS:
        return None
    message = _message(entry.message)
    if message is None:
        return None
    facts = (entry.cursor,) if number is None else (number[0], str(number[1]))
    return SshdLine(written_ms, _text(entry.machine), _text(entry.host), message, facts)


def _message(value: Any) -> str | None:
    """Return the message; one that is no text comes as a list of its bytes."""
    if isinstance(value, str):
        return value
    try:
        return bytes(value).decode("utf-8", "backslashreplace") if value else None
    except (TypeError, ValueError):
        return None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
