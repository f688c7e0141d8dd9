"""Exit statuses of `tocsin`, and the exception by which a command gives up with one.

Apart from everything else, since each module of the command line imports it.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit status of `tocsin`; `description` says it in words."""

    description: str

    def __new__(cls, value: int, description: str) -> ExitCode:
        member = int.__new__(cls, value)
        member._value_ = value
        member.description = description
        return member

    OK = 0, "done"
    CHECK_FAILED = (
        1,
        "a check failed, the answer to a question was no, or the state of things does not allow it",
    )
    USAGE = 2, "the command line is wrong, or needs a terminal or --yes"
    BAD_DATA = 65, "an event, a webhook field or a file's content was refused"
    NO_INPUT = 66, "a named file, webhook, event or delivery does not exist or cannot be read"
    UNAVAILABLE = 69, "the store cannot be used, or was replaced, deleted or cut meanwhile"
    BUG = 70, "a bug in tocsin; the traceback is in crash.log beside the store"
    IO_ERROR = 74, "reading or writing failed"
    TEMPORARY = (
        75,
        "something is still undelivered, a disk is full, the store is locked for long or is being "
        "upgraded, or a newer tocsin has changed it under a worker: try again",
    )
    PERMISSION = 77, "another account must run this"
    CONFIG = 78, "a setting is wrong"
    INTERRUPTED = 130, "interrupted by Ctrl+C"
    BROKEN_PIPE = 141, "the reader of stdout went away"


class Failure(Exception):
    """End of a command that cannot go on: a message for the admin and the exit code.

    The message names place, reason and cure; it is empty where the admin has just answered no.
    """

    def __init__(self, message: str, exit_code: ExitCode) -> None:
        super().__init__(message)
        self.message = message
        self.exit_code = exit_code
