"""The one event that has an id, where several may have it.

A file of its own, since commands about events, deliveries and webhooks ask for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from cli.exit_codes import ExitCode, Failure
from store.errors import NotFound

T = TypeVar("T")


def only_one(found: Sequence[T], id_: str, missing: str) -> T:
    """The only one of those that were found with an id. Raises NotFound with `missing`, Failure."""
    if not found:
        raise NotFound(missing)
    if len(found) > 1:
        reason = f"{len(found)} events have the id {id_}, and they were created at different times"
        raise Failure(f"{reason}: choose one on the screen", ExitCode.BAD_DATA)
    return found[0]
