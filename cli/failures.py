"""Failures: from an exception to a line on stderr and an exit code. Loaded only when needed."""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

from cli.exit_codes import ExitCode, Failure
from cli.output import Output
from delivery.log import location_of
from domain.errors import FieldError, FieldErrors
from domain.events import EventError
from domain.version import VERSION
from store import errors as store_errors

LOG_NAME = "crash.log"
LOG_LIMIT = 1_000_000


def report(error: BaseException, out: Output, folder: Path | None) -> ExitCode:
    """Write `error` to stderr and return its exit code; `folder` keeps the traceback of a bug."""
    if isinstance(error, BrokenPipeError):
        out.abandon_stdout()
        return ExitCode.BROKEN_PIPE
    known = _known(error)
    message, exit_code = known or (bug_sentence(error, folder), ExitCode.BUG)
    for line in message.splitlines():
        out.note(f"tocsin: {line}")
    return exit_code


def _known(error: BaseException) -> tuple[str, ExitCode] | None:
    match error:
        case Failure():
            return error.message, error.exit_code
        case KeyboardInterrupt():
            return "interrupted", ExitCode.INTERRUPTED
        case FieldError() | FieldErrors() | EventError():
            return str(error), ExitCode.BAD_DATA
        case store_errors.NotFound():
            return str(error), ExitCode.NO_INPUT
        case store_errors.StoreBusy():
            return str(error), ExitCode.TEMPORARY
        case store_errors.Conflict():
            return str(error), ExitCode.CHECK_FAILED
        case store_errors.StoreError():
            return str(error), ExitCode.UNAVAILABLE
        case OSError():
            return _of_system(error)
    return None


def _of_system(error: OSError) -> tuple[str, ExitCode]:
    reason = error.strerror or type(error).__name__
    if error.filename is None:
        return f"reading or writing failed: {reason}", ExitCode.IO_ERROR
    named = f"{os.fsdecode(error.filename)}: {reason}"
    if isinstance(error, PermissionError):
        return named, ExitCode.PERMISSION
    if isinstance(error, FileNotFoundError | IsADirectoryError | NotADirectoryError):
        return named, ExitCode.NO_INPUT
    return named, ExitCode.IO_ERROR


def bug_sentence(error: BaseException, folder: Path | None) -> str:
    """Keep the traceback of a bug, and return the sentence about it."""
    return f"this is a bug in tocsin: {location_of(error)}; {_keep(error, folder)}"


def _keep(error: BaseException, folder: Path | None) -> str:
    try:
        if folder is None:
            raise FileNotFoundError
        log = folder / LOG_NAME
        _append(log, "".join(_lines(error)))
    except OSError:
        return "its traceback could not be kept"
    return f"the traceback without local values is in {log}"


def _append(log: Path, text: str) -> None:
    """Add to the log, which starts anew when it is long; never follow a link."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(log, flags, 0o600), "w", encoding="utf-8") as file:
        if file.seek(0, os.SEEK_END) > LOG_LIMIT:
            file.truncate(0)
        file.write(text)


def _lines(error: BaseException) -> Iterator[str]:
    """Tracebacks of the exception and its causes, without messages: some quote secrets."""
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    yield f"{when} tocsin {VERSION}, Python {sys.version.split()[0]}\n"
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield from traceback.format_tb(link.__traceback__)
        yield f"{type(link).__module__}.{type(link).__qualname__}\n"
        link = link.__cause__ or link.__context__
