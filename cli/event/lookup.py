"""The one event that has an id, where several may have it.

A file of its own, since commands about events, deliveries and webhooks ask for it.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from functools import partial
from shlex import quote
from typing import Protocol

from cli.exit_codes import ExitCode, Failure
from domain.event_summary import created_of
from domain.event_types import EventType
from domain.safe import safe
from domain.times import rfc3339_second
from domain.wording import time_text
from store.database import Store
from store.errors import NotFound
from store.events import reading
from store.events.reading import Namesakes
from store.records import StoredEvent

SHOWN = 20
"""Events that are listed at most."""


class IdSearch(Protocol):
    """Search for the events with an id, or for those among them that are meant."""

    def __call__(self, *, created_s: int | None = None, number: int | None = None) -> Namesakes: ...


def kept_with_id(store: Store, id_: str, type_: EventType | None) -> IdSearch:
    """Return the search among all that are kept, of one type or of all."""
    return partial(store.call, reading.with_id, id_, type_, limit=SHOWN)


def among(events: Sequence[StoredEvent]) -> IdSearch:
    """Return the search among these, which have the id."""

    def search(*, created_s: int | None = None, number: int | None = None) -> Namesakes:
        found = [
            event
            for event in events
            if number in (None, event.seq) and created_s in (None, _second(event))
        ]
        return Namesakes(len(found), found)

    return search


def only_one(search: IdSearch, id_: str, args: Namespace, missing: str) -> StoredEvent:
    """The one of the events with this id that `--created` and `--number` leave.

    Raises NotFound with `missing`, and Failure with a list where it is not clear which is meant.
    """
    found = search(created_s=args.created_s, number=args.number)
    if found.count > 1:
        cure = _cure(found, search, takes_type="type_and_id" in args)
        reason = f"{found.count:,} events have the id {id_}: {cure}"
        raise Failure("\n".join([reason, *_lines(found)]), ExitCode.BAD_DATA)
    if found.count:
        return found.first[0]
    others = search()
    if not others.count:
        raise NotFound(missing)
    reason = f"no event with the id {id_} was created then or has that number; there are"
    raise Failure("\n".join([f"{reason}:", *_lines(others)]), ExitCode.NO_INPUT)


def require_id(id_: str | None, option: str, args: Namespace) -> None:
    """Refuse `--created` and `--number` without the option for the id that they go with."""
    if id_ is None and (args.created_s, args.number) != (None, None):
        reason = f"--created and --number choose among the events with the id of {option}: add it"
        raise Failure(reason, ExitCode.USAGE)


def _cure(found: Namesakes, search: IdSearch, *, takes_type: bool) -> str:
    first = found.first[0]
    if takes_type and len({event.type for event in found.first}) == found.count:
        return f"name the type, as `tocsin event show {first.type.value} {quote(first.id)}`"
    of_its_second = search(created_s=_second(first)).first
    apart = first.apart_from([*found.first, *of_its_second])
    return f"choose one, such as the first with {apart.option}" if apart else "choose one"


def _lines(found: Namesakes) -> list[str]:
    lines = [_line(event) for event in found.first[:SHOWN]]
    more = found.count - len(lines)
    return [*lines, f"  and {more:,} more"] if more > 0 else lines


def _second(event: StoredEvent) -> int | None:
    return rfc3339_second(created_of(event.body))


def _line(event: StoredEvent) -> str:
    accepted = f"accepted {time_text(event.received_ms)}"
    return f"  {event.type.value} number {event.seq}: {_created(event)}{accepted}"


def _created(event: StoredEvent) -> str:
    created = safe(created_of(event.body), 60)
    return f"created {created}, " if created else ""
