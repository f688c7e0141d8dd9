"""Webhooks: adding, editing, pausing, deleting and bringing back; each change is audited."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
from peewee import ModelSelect

from domain.actors import Actor
from domain.webhooks import NAME_LIMIT, WebhookFields
from domain.wording import counted
from store import audit, lookalikes
from store.errors import Conflict, MoreToDrop, NotFound, WrongKey
from store.models import FactRow, HeadRow, WebhookRow, database
from store.queue.backlog import OlderEvents, head_of, older_events, retry_pending_now, undelivered
from store.records import Secrets, Webhook, target_of
from store.vault import Vault
from store.webhook_edits import (
    SecretChange,
    audit_fields,
    changed_fields,
    changed_secrets,
    check_secret_change,
    outdated_edit,
)
from store.webhook_rows import live, read, record_of, write_fields, write_secrets

UNDELETE_MS = 10 * 60_000
"""Time for which a deleted webhook can be brought back."""

_ID_DIGITS = 18
"""Digits of the largest ids that SQLite keeps."""

_LARGEST_ID = 2**63 - 1
_DELETED_UPTIME = "webhook_deleted_uptime_ms:"


class EditResult(msgspec.Struct, frozen=True):
    """An edited webhook; `dropped` counts unsealed events of the old type that were given up."""

    webhook: Webhook
    dropped: int


def resolve(reference: str, *, deleted: bool = False) -> int:
    """Return the id of a webhook given by id or name. Raises NotFound.

    `deleted`: also of one that is deleted; of several of that name the one that was deleted last.
    """
    row = None
    if len(reference) <= NAME_LIMIT and reference.isprintable():
        row = _named(reference, deleted=deleted).first()
    if row is None:
        raise NotFound(f"no webhook {reference}; `tocsin webhook list` shows what there is")
    return int(row.id)


def resolve_past(reference: str) -> int:
    """Return the id of a webhook by its id or name; by its id also of one that is erased.

    Raises NotFound.
    """
    try:
        return resolve(reference, deleted=True)
    except NotFound:
        if reference.isdecimal() and len(reference) <= _ID_DIGITS and _was_there(int(reference)):
            return int(reference)
        raise


def _was_there(webhook_id: int) -> bool:
    return WebhookRow.select().where(WebhookRow.id == webhook_id).exists()


def _named(reference: str, *, deleted: bool) -> ModelSelect[WebhookRow]:
    webhook = WebhookRow
    query = webhook.select(webhook.id).where(webhook.erased_ms.is_null())
    if not deleted:
        query = query.where(webhook.deleted_ms.is_null())
    if reference.isdecimal():
        return query.where(webhook.id == min(int(reference), _LARGEST_ID))
    named = query.where(webhook.name == reference)
    return named.order_by(webhook.deleted_ms.is_null().desc(), webhook.deleted_ms.desc())


def find(webhook_id: int, vault: Vault) -> Webhook:
    """Return one webhook, also a deleted one that can be brought back. Raises NotFound."""
    return record_of(read(webhook_id), vault)


def load_all(vault: Vault | None) -> list[Webhook]:
    """Return all webhooks that are not deleted; without a vault as lists show them."""
    there = WebhookRow.select().where(WebhookRow.deleted_ms.is_null())
    return [record_of(row, vault) for row in list(there.order_by(WebhookRow.id))]


def restorable(vault: Vault, now_ms: int, uptime_ms: int | None = None) -> list[Webhook]:
    """Return the deleted webhooks that can still be brought back."""
    gone = WebhookRow.select().where(
        ~WebhookRow.deleted_ms.is_null(), WebhookRow.erased_ms.is_null()
    )
    return [
        record_of(row, vault)
        for row in list(gone.order_by(WebhookRow.id))
        if not undelete_is_over(row, now_ms, uptime_ms)
    ]


def undelete_is_over(row: WebhookRow, now_ms: int, uptime_ms: int | None) -> bool:
    """Return True when a deleted webhook can be brought back no more.

    Its ten minutes go by the uptime, which no jump of the clock moves; after a restart of the
    machine they begin with it. The clock decides where the uptime is not known.
    """
    noted = FactRow.get_or_none(FactRow.name == f"{_DELETED_UPTIME}{row.id}")
    if noted is None or uptime_ms is None:
        return row.deleted_ms is not None and now_ms - row.deleted_ms >= UNDELETE_MS
    since_ms = int(noted.value)
    return uptime_ms - (since_ms if since_ms <= uptime_ms else 0) >= UNDELETE_MS


def end_undelete(webhook_id: int) -> None:
    """Forget since when a webhook is deleted: it is back, or erased."""
    FactRow.delete().where(FactRow.name == f"{_DELETED_UPTIME}{webhook_id}").execute()


def add(
    fields: WebhookFields,
    secret: str | None,
    *,
    start: Literal["now", "start"] | int,
    vault: Vault,
    actor: Actor,
    now_ms: int,
    carried: bool = False,
) -> int:
    """Add a webhook and return its id.

    It starts at the head ("now"), at the oldest kept event ("start"), or at the first event
    accepted at a time (milliseconds). `fields` and `secret` have been checked. `carried` from
    another store, it may have a name that looks like another one. Raises FieldError, Conflict.
    """
    type_ = fields.type.value
    begin = start if isinstance(start, str) else older_events(type_, _pruned(type_), start)
    with database.atomic():
        _check_name_free(fields.name, None)
        if fields.name is not None and not carried:
            lookalikes.refuse_lookalike("webhook", fields.name)
        cursor = _start_cursor(type_, begin)
        row = WebhookRow(
            type=type_,
            cursor=cursor,
            run_until=cursor,
            created_ms=now_ms,
            updated_ms=now_ms,
        )
        write_fields(row, fields, vault)
        write_secrets(row, Secrets(secret) if secret else None, vault)
        row.save(force_insert=True)
        after = audit_fields(fields, "set" if secret else None)
        audit.note(actor, "webhook.add", now_ms, row.id, after=after)
        return int(row.id)


def edit(
    webhook_id: int,
    fields: WebhookFields,
    secret: SecretChange | None,
    *,
    revision: int | None,
    vault: Vault,
    actor: Actor,
    now_ms: int,
    dropping: int | None = None,
) -> EditResult:
    """Save the fields and change the secret; `revision` is the one that the editor had read.

    A change of URL, headers, TLS or secret makes a failing delivery due now. A change of type
    starts at the new type's head; `dropping` is how many unsealed events of the old one may go,
    None if any number may. If nothing changes there is no new revision. Raises Conflict if
    somebody else saved in between, MoreToDrop if more events would go.
    """
    with database.atomic():
        row = live(webhook_id)
        before = _editable(row, revision, vault)
        _check_name_free(fields.name, webhook_id)
        if fields.name is not None and fields.name != row.name:
            lookalikes.refuse_lookalike("webhook", fields.name, row.name)
        check_secret_change(before, secret, now_ms)
        secrets = changed_secrets(before.secrets, secret, now_ms)
        if (fields, secrets) == (before.fields, before.secrets):
            return EditResult(before, 0)
        dropped = _change_type(row, fields.type.value, dropping)
        retargeted = target_of(before.fields, before.secrets) != target_of(fields, secrets)
        write_fields(row, fields, vault)
        write_secrets(row, secrets, vault)
        _save_revision(row, now_ms, retargeted=retargeted)
        if retargeted:
            retry_pending_now(webhook_id, now_ms, "its settings were changed")
        detail = changed_fields(before, fields, secrets)
        detail |= {"dropped_events": dropped} if dropped else {}
        audit.note(actor, "webhook.edit", now_ms, webhook_id, **detail)
        return EditResult(record_of(row, vault), dropped)


def _editable(row: WebhookRow, revision: int | None, vault: Vault) -> Webhook:
    """Return the record of a row as it is before an edit. Raises Conflict, WrongKey."""
    if revision is not None and revision != row.revision:
        raise Conflict(outdated_edit(row.id, revision, row.revision))
    before = record_of(row, vault)
    if not before.readable:
        vault.check()
        raise WrongKey(f"the secrets of webhook {row.id} cannot be read with the key file")
    return before


def droppable(webhook_id: int) -> int:
    """Count the unsealed events that an edit of the type would give up."""
    row = live(webhook_id)
    return head_of(row.type) - int(row.cursor)


def set_active(webhook_ids: Sequence[int], active: bool, actor: Actor, now_ms: int) -> list[int]:
    """Pause or unpause webhooks; return those that changed. A pause cuts no attempt in flight."""
    changed = []
    with database.atomic():
        for webhook_id in webhook_ids:
            row = live(webhook_id)
            if row.active == active:
                continue
            row.active = active
            _save_revision(row, now_ms, retargeted=False)
            audit.note(actor, f"webhook.{'unpause' if active else 'pause'}", now_ms, webhook_id)
            changed.append(webhook_id)
    return changed


def delete(
    webhook_ids: Sequence[int], actor: Actor, now_ms: int, uptime_ms: int | None = None
) -> int:
    """Delete webhooks, and count them: nothing is sent; ten minutes later they are erased."""
    with database.atomic():
        for webhook_id in webhook_ids:
            row = live(webhook_id)
            row.deleted_ms = now_ms
            _save_revision(row, now_ms, retargeted=False)
            if uptime_ms is not None:
                noted = FactRow.insert(name=f"{_DELETED_UPTIME}{webhook_id}", value=str(uptime_ms))
                noted.on_conflict("REPLACE").execute()
            audit.note(
                actor, "webhook.delete", now_ms, webhook_id, undelivered_events=undelivered(row)
            )
    return len(webhook_ids)


def undelete(
    webhook_ids: Sequence[int], actor: Actor, now_ms: int, uptime_ms: int | None = None
) -> None:
    """Bring deleted webhooks back as they were, queues and pending deliveries with them.

    All of them or, if one cannot come back, none. Raises Conflict.
    """
    with database.atomic():
        for webhook_id in webhook_ids:
            row = read(webhook_id)
            if row.deleted_ms is None:
                raise Conflict(f"webhook {webhook_id} is not deleted")
            if undelete_is_over(row, now_ms, uptime_ms):
                raise Conflict(f"webhook {webhook_id} was deleted more than ten minutes ago")
            _check_name_free(row.name, webhook_id)
            row.deleted_ms = None
            _save_revision(row, now_ms, retargeted=False)
            end_undelete(webhook_id)
            audit.note(actor, "webhook.undelete", now_ms, webhook_id)


def undelete_all(
    webhook_ids: Sequence[int], actor: Actor, now_ms: int, uptime_ms: int | None = None
) -> int:
    """Bring back those of the webhooks that are still deleted, all or none, and count them."""
    with database.atomic():
        gone = [id_ for id_ in webhook_ids if read(id_).deleted_ms is not None]
        undelete(gone, actor, now_ms, uptime_ms)
    return len(gone)


def _start_cursor(type_: str, start: Literal["now", "start"] | OlderEvents) -> int:
    if start == "now":
        return head_of(type_)
    if start == "start":
        return _pruned(type_)
    head = head_of(type_)
    first = start.first_newer(type_, _pruned(type_), head)
    return head if first is None else first - 1


def _pruned(type_: str) -> int:
    return int(HeadRow.get_by_id(type_).pruned)


def _check_name_free(name: str | None, own_id: int | None) -> None:
    if name is None:
        return
    taken = WebhookRow.get_or_none(WebhookRow.name == name, WebhookRow.deleted_ms.is_null())
    if taken is not None and taken.id != own_id:
        raise Conflict(f"the name {name} is taken by webhook {taken.id}: choose another")


def _change_type(row: WebhookRow, type_: str, dropping: int | None) -> int:
    if row.type == type_:
        return 0
    dropped = head_of(row.type) - int(row.cursor)
    if dropping is not None and dropped > dropping:
        raise MoreToDrop(
            f"webhook {row.id} has {counted(dropped, 'queued event')} by now, not {dropping:,}: "
            "nothing was saved or dropped, try again"
        )
    row.cursor = row.run_until = head_of(type_)
    row.skipped_events += dropped
    return dropped


def _save_revision(row: WebhookRow, now_ms: int, *, retargeted: bool) -> None:
    row.revision += 1
    row.updated_ms = now_ms
    if retargeted:
        row.target_revision = row.revision
    row.save()
