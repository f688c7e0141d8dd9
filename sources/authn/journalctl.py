"""Runs `journalctl` and reads so many entries from it, no more."""

from __future__ import annotations

import selectors
import shlex
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePath
from typing import IO

from domain.safe import safe
from sources.authn.logins import IDENTIFIERS
from sources.base import SourceError

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


class CursorError(Exception):
    """The journal cannot be read on from this cursor."""


@dataclass(frozen=True, slots=True)
class Read:
    """The entries as they were printed, and whether there are more."""

    lines: tuple[bytes, ...]
    more: bool


class JournalCommand:
    """A command that takes the options of journalctl, split as a shell would; no shell runs it."""

    def __init__(self, text: str, *, timeout_s: float = TIMEOUT_S) -> None:
        self._text = safe(text, 200)
        self._argv = _split(text)
        self._timeout_s = timeout_s

    def read(self, start: str, *, most: int = MOST_ENTRIES) -> Read:
        """Entries of sshd from `start` on, an option. Raises CursorError, SourceError."""
        identifiers = [f"--identifier={name}" for name in IDENTIFIERS]
        fields = f"--output-fields={','.join(FIELDS)}"
        output, is_whole = self._printed(["--output=json", fields, *identifiers, start], most)
        lines = output.split(b"\n")[:most]
        return Read(tuple(line for line in lines if line), more=not is_whole)

    def check(self) -> None:
        """Raise SourceError where nothing can be read: of that it says no word beside JSON."""
        self._printed(["--output=short", "--lines=1"], 1)

    def _printed(self, options: Sequence[str], most: int) -> tuple[bytes, bool]:
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
        """Whole lines, and whether the output has ended. A pipe that stands still is an error."""
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
        """Its exit code; 0 where it has more to say than is wanted."""
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


def _split(text: str) -> Sequence[str]:
    try:
        argv = shlex.split(text)
    except ValueError:
        raise SourceError("the command cannot be read", "close its quotes") from None
    if not argv:
        raise SourceError("the command is empty", "set it to `journalctl`")
    if "\0" in text:
        raise SourceError("the command holds a NUL character", "write it without")
    return argv
