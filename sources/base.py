"""Interface of a source that is polled, and the extras that some of them need.

No source knows of delivery, and none can stop another.
"""

from __future__ import annotations

import shlex
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol

import msgspec

from domain.settings import DAY_MS

if TYPE_CHECKING:
    from domain.events import Event, RefusedText

LOSS_WARNING_MS = DAY_MS
"""Time for which a warning about a loss is shown, since admins do not read it every minute."""

HTTP_SERVER = "httptools"
"""Package of the extra `http`."""


def is_recent_loss(lost_ms: int | None, now_ms: int) -> bool:
    """Return whether a loss is so recent that the source warns of it."""
    return lost_ms is not None and 0 <= now_ms - lost_ms < LOSS_WARNING_MS


class Batch(msgspec.Struct, frozen=True):
    """Result of one poll: events, and the state from which the next poll starts.

    `warning` is about things that the poll could not see although it succeeded; `more` means that
    the next poll would find more at once. With a `failure` nothing was seen: there are no events,
    but the state moves on all the same, and the failure counts if there is no more to be had.
    `refused` was taken and is no event; it is kept until an admin deals with it.
    """

    events: tuple[Event, ...]
    state: bytes
    warning: str = ""
    more: bool = False
    failure: SourceError | None = None
    refused: tuple[RefusedText, ...] = ()


class SourceError(Exception):
    """A poll failed, and nothing is known of its result. `cure` is for the admin."""

    def __init__(self, reason: str, cure: str) -> None:
        super().__init__(f"{reason}; {cure}")
        self.reason = reason
        self.cure = cure


class Source(Protocol):
    """Source that is polled again and again."""

    @property
    def name(self) -> str:
        """Return the name under which the store keeps it."""

    def poll(self, now_ms: int, state: bytes | None) -> Batch:
        """Poll once. `state` is that of the last saved batch, None at first.

        It runs in a thread of its own and may block; it raises SourceError if it cannot see.
        """


def split_command(text: str, usual: str) -> tuple[str, ...]:
    """Split the command of a source as a shell would; no shell runs it. Raises SourceError."""
    try:
        argv = tuple(shlex.split(text))
    except ValueError:
        raise SourceError("the command cannot be read", "close its quotes") from None
    if not argv or not argv[0]:
        raise SourceError("the command is empty", f"set it to `{usual}`")
    if "\0" in text:
        raise SourceError("the command holds a NUL character", "write it without")
    return argv


def is_installed(package: str) -> bool:
    """Return whether a package is there, without importing it."""
    return find_spec(package) is not None


def install_cure(extra: str) -> str:
    """Return the command that adds an extra where this program runs.

    A bare `pip` may be another interpreter's. An environment that uv has made, such as that of `uv
    tool install`, has no pip.
    """
    return f"run `{_installer()} 'tocsin[{extra}]'`"


def upgrade_cure(package: str) -> str:
    """Return the command that installs a newer release of a package where this program runs."""
    return f"run `{_installer()} --upgrade {package}`"


def _installer() -> str:
    python = shlex.quote(sys.executable)
    own = f"{python} -m pip install"
    return own if is_installed("pip") else f"uv pip install --python {python}"
