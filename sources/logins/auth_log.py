"""SSH logins of a host without a journal, from the file that syslog writes them to.

Any account of the host may write such lines by `logger`. A journal, which records the author of
each line, is the better source.
"""

from __future__ import annotations

import glob
import os
import re
import stat
from contextlib import suppress
from datetime import UTC, datetime, timedelta, tzinfo
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO

import msgspec

from domain.safe import safe
from domain.times import parse_rfc3339
from sources.base import Batch, SourceError, is_recent_loss
from sources.logins.alerts import AlertRules
from sources.logins.messages import IDENTIFIERS, LoginProgress, SshdLine, derive

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_OLD = rf"(?P<month>{'|'.join(_MONTHS)}) +(?P<day>[0-9]{{1,2}}) (?P<time>[0-9:]{{8}})"
_ISO = r"(?P<iso>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,15}(?:Z|[+-][0-9]{2}:[0-9]{2}))"
_LINE = re.compile(
    rf"(?:{_OLD}|{_ISO}) (?P<host>[^ ]+) (?:[a-z0-9]+\.[a-z0-9]+ )?"
    rf"(?:{'|'.join(IDENTIFIERS)})(?:\[[0-9]+\])?: (?P<message>.*)"
)
_AHEAD = timedelta(days=1)
"""Time that a clock may be ahead of ours before its stamp is not believed."""

MOST_BYTES = 1024 * 1024
LONGEST_LINE = 64 * 1024
SETTLE_MS = 10_000
"""Time after its last line in which an old file may get another: syslog lets go of it later."""

_MARKED = 512
"""Bytes before an offset by which it is known again."""

_PACKED = frozenset({".gz", ".xz", ".bz2", ".zst"})
_LOST = "the log was rotated or cut, and the rest of the old file is gone"
_VERSION = 1


class LogLine(msgspec.Struct, frozen=True):
    """Line of sshd in a log file."""

    at_ms: int
    host: str
    message: str


def read_line(text: str, now_ms: int, zone: tzinfo | None = None) -> LogLine | None:
    """Read a line of sshd, None for others. Old stamps are in `zone`, None for this host's own."""
    match = _LINE.fullmatch(text)
    if match is None:
        return None
    at_ms = _iso_ms(match["iso"], now_ms) if match["iso"] else _old_ms(match, now_ms, zone)
    return None if at_ms is None else LogLine(at_ms, match["host"], match["message"])


def _iso_ms(stamp: str, now_ms: int) -> int | None:
    """Return the time of a stamp; one too far in the future is wrong, and means now."""
    try:
        at_ms = parse_rfc3339(stamp)
    except ValueError:
        return None
    return at_ms if at_ms <= now_ms + _AHEAD // timedelta(milliseconds=1) else now_ms


def _old_ms(match: re.Match[str], now_ms: int, zone: tzinfo | None) -> int | None:
    """Return the time of a stamp without a year: the latest that is not in the future."""
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    month = _MONTHS.index(match["month"]) + 1
    for year in range(now.year + 1, now.year - 9, -1):  # the 29th of February may be 8 years ago
        try:
            hour, minute, second = map(int, match["time"].split(":"))
            at = datetime(year, month, int(match["day"]), hour, minute, second, tzinfo=zone)
        except ValueError:
            continue
        moment = at.astimezone(UTC)
        if moment <= now + _AHEAD:
            return int(moment.timestamp() * 1000)
    return None


class AuthLogState(msgspec.Struct, frozen=True):
    """State of the source: the place in the log, a file by its number (inode) and an offset.

    mark:    hash of the bytes before the offset, "" where it is not known
    lost_ms: when lines were last lost with a file that is gone, None where none were
    """

    inode: int
    offset: int
    mark: str = ""
    progress: LoginProgress = LoginProgress()
    version: int = _VERSION
    lost_ms: int | None = None


_states = msgspec.json.Decoder(AuthLogState)


class AuthLogSource:
    """Polls a log file, from its end on at first, and follows it when it is rotated.

    machine: stands for this host in ids
    """

    def __init__(
        self, file: Path, *, name: str, machine: str, rules: AlertRules, zone: tzinfo | None = None
    ) -> None:
        self.name = name
        self._file = file
        self._machine = machine
        self._rules = rules
        self._zone = zone

    def poll(self, now_ms: int, state: bytes | None) -> Batch:
        """Read what was written since `state`. Raises SourceError."""
        try:
            return self._poll(now_ms, state)
        except OSError as error:
            shown = safe(str(self._file), 200)
            if isinstance(error, FileNotFoundError):
                cure = "set the source's option file to where sshd logs to"
            elif isinstance(error, IsADirectoryError):
                cure = "set the source's option file to a file in it, such as auth.log"
            else:
                cure = "let the account of tocsin read it, as a member of the group adm"
            raise SourceError(f"{shown} cannot be read: {error.strerror}", cure) from None

    def _poll(self, now_ms: int, state: bytes | None) -> Batch:
        before, warning = self._read_state(state)
        path, before = self._find_file(before, now_ms)
        with path.open("rb") as file:
            is_over = path != self._file and not _is_fresh(file, now_ms)
            texts, offset, more = _read(file, before.offset, is_over=is_over)
            mark = _mark(file, offset)
        lines = [
            line for start, text in texts if (line := self._line(before.inode, start, text, now_ms))
        ]
        events, progress = derive(before.progress, lines, self._rules)
        inode = before.inode
        if is_over and not more:
            inode, offset, mark, more = self._next(inode), 0, "", True
        after = AuthLogState(inode, offset, mark, progress, lost_ms=before.lost_ms)
        lost = _LOST if is_recent_loss(before.lost_ms, now_ms) else ""
        return Batch(tuple(events), msgspec.json.encode(after), warning or lost, more)

    def _read_state(self, state: bytes | None) -> tuple[AuthLogState, str]:
        known, warning = None, ""
        if state is not None:
            try:
                known = _states.decode(state)
            except (msgspec.MsgspecError, UnicodeDecodeError):
                warning = "what was remembered cannot be used: logins count from now"
        if known is not None and known.version == _VERSION:
            return known, warning
        with self._file.open("rb") as file:
            status = os.fstat(file.fileno())
            return AuthLogState(status.st_ino, _line_start(file, status.st_size)), warning

    def _find_file(self, state: AuthLogState, now_ms: int) -> tuple[Path, AuthLogState]:
        """Return the file to read on in; the state notes when what was to be read is gone."""
        found = self._find_known(state)
        if found is not None:
            path, inode = found
            return path, msgspec.structs.replace(state, inode=inode)
        inode = self._file.stat().st_ino
        return self._file, msgspec.structs.replace(state, inode=inode, offset=0, lost_ms=now_ms)

    def _find_known(self, state: AuthLogState) -> tuple[Path, int] | None:
        """Return the file that was read last: the one with that number, or a copy of it.

        A copy, since logrotate's `copytruncate` makes one and then cuts the file in place.
        """
        files = self._files()
        for path, inode in files:
            if inode == state.inode and _holds(path, state):
                return path, inode
        for path, inode in reversed(files) if state.mark else ():
            with suppress(OSError):
                if inode != state.inode and _holds(path, state):
                    return path, inode
        return None

    def _next(self, inode: int) -> int:
        """Return the number of the file that was begun after this one."""
        numbers = [number for _, number in self._files()]
        after = numbers.index(inode) + 1 if inode in numbers else len(numbers)
        return numbers[after] if after < len(numbers) else self._file.stat().st_ino

    def _files(self) -> list[tuple[Path, int]]:
        """Return the older logs in the order in which they were written, and the log itself."""
        if not stat.S_ISREG(self._file.stat().st_mode):
            raise OSError(0, "it is no file")
        older: list[tuple[int, Path, int]] = []
        for path in self._file.parent.glob(f"{glob.escape(self._file.name)}[.-]*"):
            if path.suffix not in _PACKED and path.is_file():
                status = path.stat()
                older.append((status.st_mtime_ns, path, status.st_ino))
        written = [(path, inode) for _, path, inode in sorted(older)]
        return [*written, (self._file, self._file.stat().st_ino)]

    def _line(self, inode: int, offset: int, text: bytes, now_ms: int) -> SshdLine | None:
        found = read_line(text.decode("utf-8", "backslashreplace"), now_ms, self._zone)
        if found is None:
            return None
        facts = (str(inode), str(offset), safe(text, LONGEST_LINE))
        return SshdLine(found.at_ms, self._machine, found.host, found.message, facts)


def _read(
    file: BinaryIO, offset: int, *, is_over: bool
) -> tuple[list[tuple[int, bytes]], int, bool]:
    """Return whole lines with their offsets, where the next one begins, and whether there is more.

    A line without an end waits for it, unless the file `is_over` or the line too long.
    """
    file.seek(offset)
    data = file.read(MOST_BYTES)
    more = len(data) == MOST_BYTES
    end = data.rfind(b"\n") + 1
    if len(data) - end > LONGEST_LINE or (is_over and not more):
        end = len(data)
    lines: list[tuple[int, bytes]] = []
    start = offset
    for line in data[:end].split(b"\n"):
        if line and len(line) <= LONGEST_LINE:
            lines.append((start, line))
        start += len(line) + 1
    return lines, offset + end, more


def _mark(file: BinaryIO, offset: int) -> str:
    """Return a hash of the bytes before an offset, "" at the start of a file."""
    start = max(0, offset - _MARKED)
    file.seek(start)
    return blake2b(file.read(offset - start), digest_size=8).hexdigest() if offset else ""


def _holds(path: Path, state: AuthLogState) -> bool:
    """Return whether the bytes that were read are still there: the file may be cut or another."""
    with path.open("rb") as file:
        if state.offset > os.fstat(file.fileno()).st_size:
            return False
        return not state.mark or state.mark == _mark(file, state.offset)


def _line_start(file: BinaryIO, size: int) -> int:
    """Return where the line begins that is being written at the end of a file."""
    start = max(0, size - LONGEST_LINE)
    file.seek(start)
    end = file.read(size - start).rfind(b"\n")
    return size if end < 0 else start + end + 1


def _is_fresh(file: BinaryIO, now_ms: int) -> bool:
    written_ms = os.fstat(file.fileno()).st_mtime_ns // 1_000_000
    return 0 <= now_ms - written_ms < SETTLE_MS
