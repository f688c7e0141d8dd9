"""Texts that sources took and the queue cannot hold: kept whole, bounded, for an admin.

They are kept nowhere else. A source that has reached its bound takes nothing more, see `is_full`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

import msgspec
from peewee import Expression, ModelSelect, OperationalError, fn

from domain.actors import Actor
from domain.ids import event_id_from_facts
from domain.wording import counted
from store import audit, settings, sources
from store.errors import Conflict, NotFound
from store.events import adding
from store.models import RefusalRow, SourceRow, database, rows
from store.records import AppendResult, StoredRefusal, Webhook

if TYPE_CHECKING:
    from domain.events import Event, RefusedText

MOST_EVENTS = 10_000
MOST_BYTES = 64_000_000
"""Of one source, not counting those that were sent; one answer may go beyond it."""

REASON_LIMIT = 1_000
LISTS = "`tocsin refused list`"


class RefusedNews(msgspec.Struct, frozen=True):
    """Refused texts of a source, for the alert about them.

    waiting:    how many of them are kept by now and were not sent
    alerted_ms: when the last alert was raised about them, None if none was
    """

    source: str
    reason: str
    waiting: int
    alerted_ms: int | None


class TakingRules(msgspec.Struct, frozen=True):
    """Rules for events that cannot be queued as they came.

    updated: the event under an id of its own, where its id is known with other content; None
             where it has none
    alert:   the alert about what is refused, at a time; None where there is none
    """

    updated: Callable[[Event], Event | None]
    alert: Callable[[RefusedNews, int], Event | None]


def save_taken(
    name: str,
    events: Sequence[Event],
    refused: Sequence[RefusedText],
    state: bytes | None,
    now_ms: int,
    rules: TakingRules,
    *,
    created_ms: int | None = None,
) -> AppendResult:
    """Keep all that a source took, in one transaction with its new state.

    Nothing is left out: an event whose id is known with other content is an event of its own, or
    refused. If the source was deleted meanwhile, it is kept all the same.
    """
    with database.atomic():
        appended, conflicting = _append(events, now_ms, rules)
        appended += _refuse(name, [*refused, *conflicting], now_ms, rules)
        with suppress(NotFound):
            sources.count_batch(name, appended.accepted, state, now_ms, created_ms=created_ms)
        return appended


def _append(
    events: Sequence[Event], now_ms: int, rules: TakingRules
) -> tuple[AppendResult, list[RefusedText]]:
    appended = adding.append(events, now_ms)
    known = [events[index] for index in appended.conflicts]
    again = [(event, rules.updated(event)) for event in known]
    refused = [event for event, updated in again if updated is None]
    updates = [(event, updated) for event, updated in again if updated is not None]
    more = adding.append([updated for _, updated in updates], now_ms)
    refused += [updates[index][0] for index in more.conflicts]
    return appended + more, [_known_otherwise(event) for event in refused]


def _known_otherwise(event: Event) -> RefusedText:
    from domain.events import RefusedText  # reading bodies is for those who add events

    reason = f"its id {event.id} is known with other content, and it does not say when it changed"
    return RefusedText(event.type.value, event.body, reason)


def _refuse(
    name: str, refused: Sequence[RefusedText], now_ms: int, rules: TakingRules
) -> AppendResult:
    """Keep the texts that are new, and add the alert; return what was added."""
    every = {_id(name, text): text for text in refused}
    new = {id_: text for id_, text in every.items() if not _is_kept(id_)}
    if not new:
        return AppendResult(0, 0)
    first, *_ = new.values()
    news = RefusedNews(name, first.reason, waiting(name) + len(new), _last_alert_ms(name))
    alert = rules.alert(news, now_ms)
    for index, (id_, text) in enumerate(new.items()):
        RefusalRow.insert(
            id=id_,
            source=name,
            queue=text.queue,
            reason=text.reason[:REASON_LIMIT],
            body=text.body,
            bytes=len(text.body),
            at_ms=now_ms,
            alerted=alert is not None and not index,
        ).execute()
    return adding.append([alert] if alert else [], now_ms)


def _id(name: str, text: RefusedText) -> str:
    return event_id_from_facts("refused", name.encode() + b"\0" + text.body)


def _is_kept(id_: str) -> bool:
    return RefusalRow.select().where(RefusalRow.id == id_).exists()


def _last_alert_ms(name: str) -> int | None:
    query = RefusalRow.select(fn.MAX(RefusalRow.at_ms))
    found: int | None = query.where(RefusalRow.source == name, RefusalRow.alerted).scalar()
    return found


def waiting(name: str) -> int:
    """Count what a source took that is kept and was not sent."""
    return int(RefusalRow.select().where(*_waiting(name)).count())


def is_full(name: str) -> bool:
    """Return True if as much of a source is kept as may be."""
    count, size = fn.COUNT(RefusalRow.number), fn.SUM(RefusalRow.bytes)
    [(events, size_there)] = rows(RefusalRow.select(count, size).where(*_waiting(name)))
    return events >= MOST_EVENTS or (size_there or 0) >= MOST_BYTES


def waiting_by_source() -> dict[str, int]:
    """Count what is kept and was not sent, by the name of the source that took it.

    A store of an older Tocsin, which is only read, may have no table of it.
    """
    query = RefusalRow.select(RefusalRow.source, fn.COUNT(RefusalRow.number))
    try:
        return dict(rows(query.where(RefusalRow.sent_ms.is_null()).group_by(RefusalRow.source)))
    except OperationalError as error:
        if "no such table" in str(error):
            return {}
        raise


def load_all(name: str | None = None, *, most: int | None = None) -> list[StoredRefusal]:
    """Return what is kept, of one source or of all, oldest first; with `most` only the newest."""
    query = _select().order_by(RefusalRow.number.desc())
    if name is not None:
        query = query.where(RefusalRow.source == name)
    return [StoredRefusal(*row) for row in rows(query.limit(most))][::-1]


def find(id_: str) -> StoredRefusal:
    """Return one of them. Raises NotFound."""
    found = rows(_select().where(RefusalRow.id == id_))
    if not found:
        raise _not_found(id_)
    return StoredRefusal(*found[0])


def text_of(id_: str) -> bytes:
    """Return the text as it came. Raises NotFound."""
    found = rows(RefusalRow.select(RefusalRow.body).where(RefusalRow.id == id_))
    if not found:
        raise _not_found(id_)
    return bytes(found[0][0])


def warning(name: str) -> str:
    """Return the warning about a source's refused events, "" if none are kept."""
    count = waiting(name)
    if not count:
        return ""
    are = "is" if count == 1 else "are"
    return f"{counted(count, 'event')} could not be queued and {are} kept: {LISTS}"


def drop(ids: Iterable[str], actor: Actor, now_ms: int) -> None:
    """Forget some of them, or none if any is not there. Raises NotFound."""
    wanted = list(dict.fromkeys(ids))
    with database.atomic():
        names = {find(id_).source for id_ in wanted}
        with ExitStack() as stack:
            for name in names:
                stack.enter_context(_warned_anew(name))
            for id_ in wanted:
                RefusalRow.delete().where(RefusalRow.id == id_).execute()
        audit.note(actor, "refused.drop", now_ms, events=len(wanted), ids=wanted[:100])


def check_may_send(webhook: Webhook) -> None:
    """Raise Conflict if nothing may be sent to a webhook, by hand neither."""
    if not webhook.fields.active:
        cure = f"`tocsin webhook unpause {webhook.id}` first"
        raise Conflict(f"{webhook.named} is inactive, and nothing is sent to it: {cure}")
    if settings.paused() is not None:
        raise Conflict("all sending is paused: `tocsin worker unpause` first")


def note_sent(
    id_: str,
    webhook_id: int,
    url: str,
    status: int | None,
    error: str | None,
    actor: Actor,
    now_ms: int,
    *,
    delivered: bool,
) -> None:
    """Record that one was sent by hand, and the result; `url` is masked already."""
    with database.atomic():
        changes: dict[object, object] = {
            RefusalRow.attempts: RefusalRow.attempts + 1,
            RefusalRow.last_error: None if delivered else error or f"status {status}",
        }
        if delivered:
            changes |= {RefusalRow.sent_ms: now_ms, RefusalRow.sent_to: webhook_id}
        with _warned_anew(find(id_).source):
            RefusalRow.update(changes).where(RefusalRow.id == id_).execute()
        detail = {"refused": id_, "url": url, "status": status, "error": error}
        audit.note(actor, "refused.send", now_ms, webhook_id, **detail)


def prune_sent(before_ms: int, most: int) -> int:
    """Forget what was sent before a time."""
    old = RefusalRow.select(RefusalRow.number).where(RefusalRow.sent_ms < before_ms).limit(most)
    numbers = [number for (number,) in rows(old)]
    return (
        int(RefusalRow.delete().where(RefusalRow.number.in_(numbers)).execute()) if numbers else 0
    )


@contextmanager
def _warned_anew(name: str) -> Iterator[None]:
    """Renew a source's warning of how many are left after a change, if it shows no other one."""
    before = warning(name)
    yield
    source = SourceRow.update(error=warning(name) or None)
    source.where(
        SourceRow.name == name, SourceRow.error == before, SourceRow.failures == 0
    ).execute()


def _waiting(name: str) -> tuple[Expression, ...]:
    return RefusalRow.source == name, RefusalRow.sent_ms.is_null()


def _select() -> ModelSelect[RefusalRow]:
    return RefusalRow.select(
        RefusalRow.id,
        RefusalRow.source,
        RefusalRow.queue,
        RefusalRow.reason,
        RefusalRow.bytes,
        RefusalRow.at_ms,
        RefusalRow.attempts,
        RefusalRow.last_error,
        RefusalRow.sent_ms,
        RefusalRow.sent_to,
    )


def _not_found(id_: str) -> NotFound:
    return NotFound(f"no refused event {id_}; `tocsin refused list` shows what there is")
