"""Outcome of one attempt.

Apart, since the parts that make it and those that read it share nothing else.
"""

from __future__ import annotations

import msgspec

MAX_ANSWER_BODY = 4096
MAX_ANSWER_HEADERS = 8192


class Outcome(msgspec.Struct, frozen=True):
    """Outcome of one HTTP request: an answer's status, or the error in place of an answer.

    `error` is the class name of the most specific exception and `detail` the same in plain words,
    escaped and cut to length. Headers and body are the receiver's own, capped but raw: they pass
    through `safe()` before they are shown. `kept_was_lost` means that the receiver had ended, or
    ended just then, a connection that was kept from the last answer.
    """

    status: int | None
    error: str | None
    detail: str
    duration_ms: int
    retry_after_ms: int | None = None
    location: str | None = None
    answer_headers: tuple[tuple[str, str], ...] = ()
    answer_body: bytes = b""
    kept_was_lost: bool = False

    @property
    def delivered(self) -> bool:
        """Return whether the receiver took the delivery: a 2XX status and nothing else."""
        return self.status is not None and is_success(self.status)


def is_success(status: int) -> bool:
    """Return whether a status means delivered."""
    return 200 <= status < 300
