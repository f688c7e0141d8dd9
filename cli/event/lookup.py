"""The one event that has an id, where several may have it.

A file of its own, since commands about events, deliveries and webhooks ask for it.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from shlex import quote

from cli.exit_codes import ExitCode, Failure
from domain.event_summary import created_of
from domain.safe import safe
from domain.times import rfc3339_second
from domain.wording import time_text
from store.errors import NotFound
from store.records import StoredEvent

SHOWN = 20
"""Events that are listed at most."""


def only_one(found: Sequence[StoredEvent], id_: str, args: Namespace, missing: str) -> StoredEvent:
    """The one of these events with this id that `--created` and `--number` leave.

    Raises NotFound with `missing`, and Failure with a list where it is not clear which is meant.
    """
    if not found:
        raise NotFound(missing)
    left = [event for event in found if _is_meant(event, args)]
    if not left:
        reason = f"no event with the id {id_} was created then or has that number; there are"
        raise Failure("\n".join([f"{reason}:", *_lines(found)]), ExitCode.NO_INPUT)
    if len(left) > 1:
        reason = (
            f"{len(left)} events have the id {id_}: {_cure(left, takes_type='type_and_id' in args)}"
        )
        raise Failure("\n".join([reason, *_lines(left)]), ExitCode.BAD_DATA)
    return left[0]


def require_id(id_: str | None, option: str, args: Namespace) -> None:
    """Refuse `--created` and `--number` without the option for the id that they go with."""
    if id_ is None and (args.created_s, args.number) != (None, None):
        reason = f"--created and --number choose among the events with the id of {option}: add it"
        raise Failure(reason, ExitCode.USAGE)


def _is_meant(event: StoredEvent, args: Namespace) -> bool:
    if args.number not in (None, event.seq):
        return False
    return args.created_s in (None, rfc3339_second(created_of(event.body)))


def _cure(found: Sequence[StoredEvent], *, takes_type: bool) -> str:
    first = found[0]
    if takes_type and len({event.type for event in found}) == len(found):
        return f"name the type, as `tocsin event show {first.type.value} {quote(first.id)}`"
    apart = first.apart_from(found)
    return f"choose one, such as the first with {apart.option}" if apart else "choose one"


def _lines(found: Sequence[StoredEvent]) -> list[str]:
    lines = [_line(event) for event in found[:SHOWN]]
    more = len(found) - SHOWN
    return [*lines, f"  and {more} more"] if more > 0 else lines


def _line(event: StoredEvent) -> str:
    accepted = f"accepted {time_text(event.received_ms)}"
    return f"  {event.type.value} number {event.seq}: {_created(event)}{accepted}"


def _created(event: StoredEvent) -> str:
    created = safe(created_of(event.body), 60)
    return f"created {created}, " if created else ""
