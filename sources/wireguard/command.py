"""Run of the command that prints the dump: `wg show all dump`, by itself, by sudo or by ssh.

A failed `wg` says nothing about the peers: every failure is a SourceError with a cure, and an
interface that `wg` could not read is named as unreadable.
"""

from __future__ import annotations

import os
import re
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext, suppress
from itertools import islice
from pathlib import PurePath

import msgspec

from domain.safe import safe
from sources.base import SourceError, split_command
from sources.capabilities import is_held, left_to_children
from sources.wireguard.fields import LONGEST_NAME, is_interface_name
from sources.wireguard.rights import keyless_command, system_wg

TIMEOUT_S = 10.0
OUTPUT_LIMIT = 64 * 1024 * 1024
"""Bytes of output at which a command is stopped; 10,000 peers print 1.6 MB."""

_REAP_S = 1.0
_UNREADABLE = re.compile(
    rf"^Unable to access interface (.{{1,{LONGEST_NAME}}}): [^:]+$", re.MULTILINE
)
_MOST_UNREADABLE = 1_000
_KEY_LIKE = re.compile(r"[A-Za-z0-9+/]{43}=")
_SUDO_OPTIONS_WITH_VALUE = frozenset({"-u", "-g", "-C", "-D", "-h", "-p", "-R", "-r", "-T", "-t"})

_SUDO_CURE = "let this account run it without a password (a sudoers line with NOPASSWD)"
# Not "run tocsin as root": root becomes the owner of the store before it opens anything.
_RIGHTS_CURE = (
    "for the service of a host run `sudo tocsin service install --with-wireguard`; for yourself "
    "set the source's command to `sudo -n wg show all dump` and allow that by a sudoers line"
)
_OTHER_CURE = "run it by hand as the account of tocsin, and correct the source's command"
_ELSEWHERE_CURE = (
    "put `sudo -n` before `wg` inside the source's command and allow that by a sudoers line where "
    "it runs"
)
_SSH_CURE = "give this account an SSH key that the other host accepts without a question"
_CURES = (
    ("a password is required", _SUDO_CURE),
    ("is not in the sudoers file", _SUDO_CURE),
    ("is not allowed to", _SUDO_CURE),
    ("Permission denied (", _SSH_CURE),
)
_RIGHTS_SIGNS = ("Permission denied", "Operation not permitted")


class DumpOutput(msgspec.Struct, frozen=True):
    """Output of the command, and the interfaces that it reported as unreadable."""

    dump: str
    unreadable: frozenset[str]


class _LacksRights(SourceError):
    """This account may not ask the WireGuard of this host."""


class DumpCommand:
    """Command that prints a dump; its text is split as a shell would, and no shell runs it.

    It gets `timeout_s` in all, and is then killed with all its children. One that cannot be killed
    (sudo gave it to another user) is waited for: a second is not started beside it.
    """

    def __init__(
        self,
        text: str,
        *,
        timeout_s: float = TIMEOUT_S,
        output_limit: int = OUTPUT_LIMIT,
        kill_group: Callable[[int, int], None] = os.killpg,
    ) -> None:
        self.text = safe(text, 200)
        self.argv = split_command(text, "wg show all dump")
        self._timeout_s = timeout_s
        self._output_limit = output_limit
        self._kill_group = kill_group
        self._unkillable: subprocess.Popen[bytes] | None = None

    @property
    def is_local(self) -> bool:
        """Return whether it queries the `wg` of this host, in our own network namespace."""
        return _program(_without_sudo(self.argv)) == "wg"

    def run(self) -> DumpOutput:
        """Run the command and return its output. Raises SourceError."""
        self._refuse_to_pile_up()
        try:
            return self._printed(self.argv)
        except _LacksRights as error:
            argv = keyless_command(self.argv)
            if not argv:
                raise
            with suppress(SourceError):
                return self._printed(argv)
            raise error from None

    def _printed(self, argv: Sequence[str]) -> DumpOutput:
        process = self._start(argv)
        try:
            output, complaints = self._output_of(process)
        except BaseException:
            self._kill(process)
            raise
        finally:
            _close(process)
        if process.returncode != 0:
            raise self._failed(process.returncode, complaints)
        return DumpOutput(output, frozenset(islice(_unreadable(complaints), _MOST_UNREADABLE)))

    def _refuse_to_pile_up(self) -> None:
        if self._unkillable is None:
            return
        if self._unkillable.poll() is None:
            raise SourceError(
                f"`{self.text}` still hangs from an earlier poll (process {self._unkillable.pid})",
                "see what WireGuard waits for, or kill that process as root",
            )
        self._unkillable = None

    def _start(self, argv: Sequence[str]) -> subprocess.Popen[bytes]:
        program = safe(argv[0], 200)
        executable = system_wg(argv) if is_held() else None
        try:
            with left_to_children() if executable else nullcontext():
                return subprocess.Popen(  # noqa: S603  # the admin's own command, and no shell
                    argv,
                    executable=executable,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    start_new_session=True,
                )
        except FileNotFoundError:
            what = "wireguard-tools" if _program(self.argv) == "wg" else "it"
            cure = f"install {what}, or say in the source's command where it is"
            raise SourceError(f"there is no program `{program}`", cure) from None
        except PermissionError:
            cure = "name a program in the source's command that this account may run"
            raise SourceError(f"this account may not run `{program}`", cure) from None
        except OSError as error:
            reason = f"`{self.text}` cannot start: {error.strerror}"
            raise SourceError(reason, _OTHER_CURE) from None

    def _output_of(self, process: subprocess.Popen[bytes]) -> tuple[str, str]:
        deadline = time.monotonic() + self._timeout_s
        try:
            output, complaints = _read_to_end(process, deadline, self._output_limit)
            process.wait(max(0.0, deadline - time.monotonic()))
        except (TimeoutError, subprocess.TimeoutExpired):
            raise SourceError(
                f"`{self.text}` gave no answer within {self._timeout_s:g} s and was stopped",
                "see whether the WireGuard process behind an interface has stopped or hangs",
            ) from None
        except OverflowError:
            raise SourceError(
                f"`{self.text}` printed more than {self._output_limit} bytes", _OTHER_CURE
            ) from None
        return _text(output), _text(complaints)

    def _kill(self, process: subprocess.Popen[bytes]) -> None:
        with suppress(ProcessLookupError, PermissionError):
            self._kill_group(process.pid, signal.SIGKILL)
        try:
            process.wait(_REAP_S)
        except subprocess.TimeoutExpired:
            self._unkillable = process

    def _failed(self, exit_code: int, complaints: str) -> SourceError:
        said = _KEY_LIKE.sub("(key)", complaints).strip()
        cure = next((cure for sign, cure in _CURES if sign in said), "") or self._cure_of(said)
        how = f"exit status {exit_code}" if exit_code > 0 else f"signal {-exit_code}"
        last_line = safe(said.splitlines()[-1], 300) if said else "it said nothing"
        kind = _LacksRights if cure == _RIGHTS_CURE else SourceError
        return kind(f"{last_line}: `{self.text}` failed with {how}", cure)

    def _cure_of(self, said: str) -> str:
        """Return the cure for missing rights, which keeps hosts and interfaces the same."""
        words = [PurePath(word).name for text in self.argv for word in text.split()]
        if not any(sign in said for sign in _RIGHTS_SIGNS) or "sudo" in words:
            return _OTHER_CURE
        if self.is_local:
            return _RIGHTS_CURE
        return _ELSEWHERE_CURE if "wg" in words else _OTHER_CURE


def unreadable_line(interface: str) -> str:
    """Return the line with which a command reports an interface that it could not read."""
    return f"Unable to access interface {interface}: it could not be read"


def _unreadable(complaints: str) -> Iterator[str]:
    return filter(is_interface_name, (match[1] for match in _UNREADABLE.finditer(complaints)))


def _without_sudo(argv: Sequence[str]) -> Sequence[str]:
    """Return the command that sudo is to run, or argv itself where sudo is not used."""
    if _program(argv) != "sudo":
        return argv
    words = list(argv[1:])
    while words and words[0].startswith("-"):
        option = words.pop(0)
        if option in _SUDO_OPTIONS_WITH_VALUE and words:
            words.pop(0)
    return words


def _program(argv: Sequence[str]) -> str:
    return PurePath(argv[0]).name if argv else ""


def _read_to_end(
    process: subprocess.Popen[bytes], deadline: float, limit: int
) -> tuple[bytearray, bytearray]:
    """Read both streams to their ends; TimeoutError at the deadline, OverflowError at the limit."""
    output, complaints = bytearray(), bytearray()
    with selectors.DefaultSelector() as selector:
        for stream, read in ((process.stdout, output), (process.stderr, complaints)):
            if stream is not None:
                selector.register(stream, selectors.EVENT_READ, read)
        while selector.get_map():
            for key, _ in _readable(selector, deadline):
                chunk = os.read(key.fd, 65_536)
                key.data.extend(chunk)
                if not chunk:
                    selector.unregister(key.fileobj)
                if len(key.data) > limit:
                    raise OverflowError
    return output, complaints


def _readable(
    selector: selectors.BaseSelector, deadline: float
) -> list[tuple[selectors.SelectorKey, int]]:
    left = deadline - time.monotonic()
    ready = selector.select(left) if left > 0 else []
    if not ready:
        raise TimeoutError
    return ready


def _close(process: subprocess.Popen[bytes]) -> None:
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()


def _text(printed: bytearray) -> str:
    return printed.decode("utf-8", "backslashreplace")
