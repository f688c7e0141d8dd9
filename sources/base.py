"""What a source is: something that is polled, or something that others hand events to.

None knows of delivery, and none can stop another.
"""

from __future__ import annotations

import shlex
import sys
from importlib.util import find_spec
from typing import Protocol

import msgspec

from domain.events import Event, RefusedText
from domain.settings import DAY_MS

LOSS_WARNING_MS = DAY_MS
"""For so long a warning says that something was lost: nobody looks every minute."""


def is_recent_loss(lost_ms: int | None, now_ms: int) -> bool:
    """Tell whether a loss is so recent that the source warns of it."""
    return lost_ms is not None and 0 <= now_ms - lost_ms < LOSS_WARNING_MS


class Batch(msgspec.Struct, frozen=True):
    """What one poll gave: events, and the state that the next poll starts from.

    `warning` tells of what the poll could not see although it succeeded; `more` says that the
    next poll would find more at once. With a `failure` nothing was seen: there are no events, but
    the state moves on all the same, and the failure counts if there is no more to be had.
    `refused` is what was taken and is no event; it is kept until somebody deals with it.
    """

    events: tuple[Event, ...]
    state: bytes
    warning: str = ""
    more: bool = False
    failure: SourceError | None = None
    refused: tuple[RefusedText, ...] = ()


class SourceError(Exception):
    """A poll failed, and nothing is known of what it would have seen. `cure` is for the admin."""

    def __init__(self, reason: str, cure: str) -> None:
        super().__init__(f"{reason}; {cure}")
        self.reason = reason
        self.cure = cure


class Source(Protocol):
    """What is looked at again and again."""

    @property
    def name(self) -> str:
        """The name under which the store keeps it."""

    def poll(self, now_ms: int, state: bytes | None) -> Batch:
        """Look once. `state` is what the last saved batch gave, None at first.

        It runs in a thread of its own and may block; it raises SourceError if it cannot see.
        """


HTTP_SERVER = "hypercorn"
"""The package that the extra `http` brings."""


def is_installed(package: str) -> bool:
    """Whether a package is there, without importing it."""
    return find_spec(package) is not None


def install_cure(extra: str) -> str:
    """How to add an extra where this program runs: a bare `pip` may be another interpreter's.

    An environment that uv has made, such as that of `uv tool install`, has no pip.
    """
    return f"run `{_installer()} 'tocsin[{extra}]'`"


def upgrade_cure(package: str) -> str:
    """How to get a newer release of a package where this program runs."""
    return f"run `{_installer()} --upgrade {package}`"


def _installer() -> str:
    python = shlex.quote(sys.executable)
    own = f"{python} -m pip install"
    return own if is_installed("pip") else f"uv pip install --python {python}"
