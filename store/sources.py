"""Sources: adding, editing, pausing and deleting them; their state and their health."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from peewee import Expression, ModelUpdate

from domain import source_kinds
from domain.actors import Actor
from domain.source_kinds import check_name
from store import audit, lookalikes
from store.errors import Conflict, NotFound
from store.events import adding
from store.models import ClientRow, SourceRow, database
from store.records import AppendResult, StoredSource, record_from
from store.vault import Vault
from store.webhook_edits import changed_options

if TYPE_CHECKING:
    from domain.events import Event

    Step = Callable[[bytes | None], tuple[Sequence[Event], bytes]]
    """From what a source remembers to events and to what it is to remember."""


def add(
    kind: str,
    name: str,
    options: Mapping[str, str],
    actor: Actor,
    now_ms: int,
    *,
    carried: bool = False,
) -> StoredSource:
    """Keep a new source, which is active. Raises FieldError, FieldErrors, Conflict.

    `carried` from another store, it may have a name that looks like another one.
    """
    name = check_name(name)
    found = source_kinds.kind_named(kind)
    if found.built_in:
        raise Conflict(f"every store has its source of kind {kind} already")
    options = found.check(options)
    with database.atomic():
        if SourceRow.get_or_none(SourceRow.name == name) is not None:
            raise Conflict(f"there is a source {name} already: choose another name")
        if not carried:
            lookalikes.refuse_lookalike("source", name)
        row = SourceRow.create(
            name=name, kind=kind, options=_text(options), created_ms=now_ms, updated_ms=now_ms
        )
        audit.note(actor, "source.add", now_ms, source=name, kind=kind, options=options)
        return _record(row)


def start(
    kind: str,
    name: str,
    options: Mapping[str, str],
    events: Sequence[Event],
    state: bytes,
    actor: Actor,
    now_ms: int,
) -> AppendResult:
    """Add a source, or unpause it, together with what a look has just seen.

    Raises FieldError, FieldErrors.
    """
    with database.atomic():
        if SourceRow.get_or_none(SourceRow.name == name) is None:
            add(kind, name, options, actor, now_ms)
        else:
            unpause(name, actor, now_ms)
        return save_batch(name, events, state, now_ms)


def edit(
    name: str, options: Mapping[str, str], actor: Actor, now_ms: int, *, revision: int | None = None
) -> StoredSource:
    """Set the options. Raises NotFound, FieldErrors, Conflict if `revision` is an older one."""
    with database.atomic():
        row = _row(name)
        if revision is not None:
            check_revision(name, revision)
        before = json.loads(row.options)
        after = source_kinds.kind_named(row.kind).check(options)
        if before == after:
            return _record(row)
        row.options = _text(after)
        _touch(row, now_ms)
        audit.note(
            actor, "source.edit", now_ms, None, source=name, **changed_options(before, after)
        )
        return _record(row)


def check_revision(name: str, revision: int) -> None:
    """Raise Conflict if somebody has changed it since; NotFound if it is gone."""
    if _row(name).revision != revision:
        raise Conflict(f"source {name} was changed meanwhile: look at it again")


def delete(name: str, actor: Actor, now_ms: int) -> None:
    """Forget a source and its state; its events stay. Raises NotFound, Conflict.

    With the source of an agent goes the key that the agent signs in with.
    """
    with database.atomic():
        row = _row(name)
        if source_kinds.kind_named(row.kind).built_in:
            raise Conflict(f"source {name} belongs to every store: pause it instead")
        audit.note(
            actor,
            "source.delete",
            now_ms,
            source=name,
            kind=row.kind,
            options=json.loads(row.options),
        )
        row.delete_instance()
        client = ClientRow
        client.delete().where(client.name == name, client.kind == source_kinds.AGENT).execute()


def pause(name: str, actor: Actor, now_ms: int) -> bool:
    """Let no worker run it; False if it was paused. Raises NotFound."""
    return _switch(name, False, actor, now_ms)


def unpause(name: str, actor: Actor, now_ms: int) -> bool:
    """Let it go on; False if it was active. Raises NotFound."""
    return _switch(name, True, actor, now_ms)


def set_secret(name: str, secret: str | None, vault: Vault, actor: Actor, now_ms: int) -> None:
    """Keep the secret that it signs in with, encrypted. Raises NotFound, WrongKey."""
    with database.atomic():
        row = _row(name)
        row.secrets = None if secret is None else vault.encrypt(secret)
        _touch(row, now_ms)
        audit.note(actor, "source.secret", now_ms, source=name)


def secret_of(name: str, vault: Vault) -> str | None:
    """Return the secret in clear. Raises NotFound, WrongKey."""
    row = _row(name)
    return None if row.secrets is None else vault.decrypt(bytes(row.secrets))


def find(name: str) -> StoredSource:
    """Return one source. Raises NotFound."""
    return _record(_row(name))


def load_all() -> list[StoredSource]:
    """Return every source, ordered by name; its state, which may be large, is not read."""
    fields = (field for field in SourceRow._meta.sorted_fields if field.name != "state")
    return [_record(row) for row in list(SourceRow.select(*fields).order_by(SourceRow.name))]


def load_state(name: str, *, created_ms: int | None = None) -> bytes | None:
    """Return the state that came with the source's last batch. Raises NotFound.

    Here and below `created_ms` distinguishes sources of the same name: nothing that a deleted one
    still has to save is saved for a later one.
    """
    row = SourceRow.get_or_none(_is(name, created_ms))
    if row is None:
        raise _not_found(name)
    return bytes(row.state) if row.state is not None else None


def save_batch(
    name: str,
    events: Sequence[Event],
    state: bytes | None,
    now_ms: int,
    *,
    created_ms: int | None = None,
) -> AppendResult:
    """Add a source's events and its new state in one transaction: a crash has both or neither.

    Without a state it stays as it is. Raises NotFound if the source was deleted meanwhile.
    """
    with database.atomic():
        appended = adding.append(events, now_ms)
        count_batch(name, appended.accepted, state, now_ms, created_ms=created_ms)
        return appended


def count_batch(
    name: str, accepted: int, state: bytes | None, now_ms: int, *, created_ms: int | None = None
) -> None:
    """Note that all is well, that so many events were added, and the new state if there is one.

    Raises NotFound.
    """
    if not _counting(name, accepted, state, now_ms, created_ms).execute():
        raise _not_found(name)


def _counting(
    name: str, accepted: int, state: bytes | None, now_ms: int, created_ms: int | None
) -> ModelUpdate:
    source = SourceRow
    changes: dict[object, object] = {
        source.accepted_events: source.accepted_events + accepted,
        source.last_ok_ms: now_ms,
        source.error: None,
        source.error_ms: None,
        source.failures: 0,
    }
    if state is not None:
        changes[source.state] = state
    if accepted:
        changes[source.last_event_ms] = now_ms
    return source.update(changes).where(_is(name, created_ms))


@lru_cache(maxsize=4)
def _counting_text(*, with_events: bool, with_created_ms: bool) -> str:
    """Return the text of that query without a state: Peewee takes as long to write it as the rest.

    Its values are in the order of the fields, as `save_each` gives them.
    """
    query = _counting("", int(with_events), None, 0, 0 if with_created_ms else None)
    text: str = query.sql()[0]
    return text


def save_state(name: str, state: bytes, *, created_ms: int | None = None) -> None:
    """Keep the new state of a source that saw nothing. Raises NotFound."""
    with database.atomic():
        update = SourceRow.update(state=state)
        if not update.where(_is(name, created_ms)).execute():
            raise _not_found(name)


def advance(name: str, step: Step, now_ms: int) -> AppendResult:
    """Save what `step` makes of a source's state, in one transaction with reading that state.

    Several processes may do so at once. Nothing is added while the source is paused. Raises
    NotFound.
    """
    with database.atomic():
        row = _row(name)
        if not row.active:
            return AppendResult(0, 0)
        events, state = step(bytes(row.state) if row.state is not None else None)
        return save_batch(name, events, state, now_ms)


def save_each(
    name: str, lists: Sequence[Sequence[Event]], now_ms: int, *, created_ms: int | None = None
) -> list[AppendResult]:
    """Add several lists of events that came to a source, as `events.append_each` does.

    Raises NotFound if the source was deleted meanwhile.
    """
    with database.atomic():
        appended = adding.append_each(lists, now_ms)
        accepted = sum(added.accepted for added in appended)
        last_event = (now_ms,) if accepted else ()
        which = (name,) if created_ms is None else (name, created_ms)
        text = _counting_text(with_events=bool(accepted), with_created_ms=created_ms is not None)
        values = (accepted, *last_event, now_ms, None, None, 0, *which)
        if not database.connection().execute(text, values).rowcount:
            raise _not_found(name)
        return appended


def save_success(name: str, now_ms: int, *, created_ms: int | None = None) -> None:
    """Note that all is well with it, though nothing has come. Raises NotFound."""
    with database.atomic():
        count_batch(name, 0, None, now_ms, created_ms=created_ms)


def save_failure(
    name: str,
    error: str,
    now_ms: int,
    events: Sequence[Event] = (),
    *,
    created_ms: int | None = None,
    revision: int | None = None,
) -> AppendResult:
    """Note what is wrong with it, and add the events about that; its state stays as it is.

    For a source that was deleted nothing is noted or added, nor for one that was paused or edited
    since its `revision`.
    """
    source = SourceRow
    with database.atomic():
        if not source.select().where(_is(name, created_ms, revision)).exists():
            return AppendResult(0, 0)
        appended = adding.append(events, now_ms)
        changes = {
            source.error: error,
            source.error_ms: now_ms,
            source.failures: source.failures + 1,
            source.accepted_events: source.accepted_events + appended.accepted,
        }
        if appended.accepted:
            changes[source.last_event_ms] = now_ms
        source.update(changes).where(_is(name, created_ms)).execute()
        return appended


def save_warning(
    name: str,
    warning: str,
    now_ms: int,
    *,
    created_ms: int | None = None,
    revision: int | None = None,
) -> None:
    """Note what is not as it should be, though it works; for which sources as `save_failure`."""
    source = SourceRow
    with database.atomic():
        update = source.update(error=warning, error_ms=now_ms)
        update.where(_is(name, created_ms, revision)).execute()


def _switch(name: str, active: bool, actor: Actor, now_ms: int) -> bool:
    with database.atomic():
        row = _row(name)
        if row.active == active:
            return False
        row.active = active
        if not active:
            row.error = row.error_ms = None
            row.failures = 0
        _touch(row, now_ms)
        audit.note(actor, "source.unpause" if active else "source.pause", now_ms, source=name)
        return True


def _touch(row: SourceRow, now_ms: int) -> None:
    row.revision += 1
    row.updated_ms = now_ms
    row.save()


def _row(name: str) -> SourceRow:
    row = SourceRow.get_or_none(SourceRow.name == name)
    if row is None:
        raise _not_found(name)
    return row


def _is(name: str, created_ms: int | None, revision: int | None = None) -> Expression:
    """Return the condition by name; with `created_ms` only the source that was added then."""
    source = SourceRow
    found = source.name == name
    if created_ms is not None:
        found &= source.created_ms == created_ms
    return found if revision is None else found & (source.revision == revision)


def _not_found(name: str) -> NotFound:
    return NotFound(f"no source {name}; `tocsin source list` shows what there is")


def _record(row: SourceRow) -> StoredSource:
    return record_from(StoredSource, row, options=json.loads(row.options))


def _text(options: Mapping[str, str]) -> str:
    return json.dumps(options, ensure_ascii=False)
