"""Saving of the form: questions that it asks first, then the webhook is added or edited."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from delivery.network import CaFileError, ssl_context
from delivery.report import drop_question
from domain.event_types import EventType
from domain.wording import counted
from store import webhooks
from store.errors import MoreToDrop
from store.records import Webhook
from tui.questions import Question
from tui.state.store_access import Refused, StoreAccess
from tui.webhook_form.reading import FormReading
from tui.webhook_form.session import FormSession


class Saved(msgspec.Struct, frozen=True):
    """Webhook that a form saved; `before` is None for a new one, `dropped` counts events."""

    webhook_id: int
    revision: int
    before: Webhook | None = None
    secret_changed: bool = False
    dropped: int = 0


async def ca_file_problem(ca_file: str | None) -> str:
    """Return why a CA file cannot be used, with the cure; "" if it can."""
    try:
        await asyncio.to_thread(ssl_context, ca_file)
    except CaFileError as error:
        return f"{error}; name a PEM file of certificates"
    return ""


async def save(
    access: StoreAccess, session: FormSession, ask: Callable[[Question], Awaitable[bool]]
) -> tuple[Saved, str] | None:
    """Add or edit the webhook, in which nothing is wrong; return a sentence about it, too.

    A new type drops unsealed events: that is asked first, and again where more came meanwhile.
    None if the answer was no. Raises Refused.
    """
    before, reading = session.editing, session.reading
    type_ = reading.fields.type
    if before is None:
        return await _add(access, session)
    if before.deleted_ms is not None:
        return await _add(access, session) if await ask(_add_anew(before)) else None
    dropping_before: int | None = None
    while True:
        type_changes = before.fields.type is not type_
        dropping = await access.read(webhooks.droppable, before.id) if type_changes else 0
        if dropping and not await ask(_drop(before, dropping, type_, dropping_before)):
            return None
        try:
            return await _edit(access, before, reading, dropping)
        except Refused as refused:
            if not isinstance(refused.__cause__, MoreToDrop):
                raise
            dropping_before = dropping


def refused_address_question(reason: str) -> Question:
    """Return the question about a URL to which nothing will be sent, for this reason."""
    return Question("Save it all the same?", (f"{reason}.",), yes="Save")


def _add_anew(before: Webhook) -> Question:
    lines = (f"{before.named} stays deleted.",)
    return Question("Add what is typed as a new webhook?", lines, yes="Add as new")


def _drop(
    before: Webhook, dropping: int, type_: EventType, dropping_before: int | None
) -> Question:
    more: tuple[str, ...] = ()
    if dropping_before is not None:
        more = (f"Nothing is saved yet: meanwhile it became more than {dropping_before:,}.",)
    return Question(drop_question([(before, dropping)], type_), more, yes="Drop and save")


async def _edit(
    access: StoreAccess, before: Webhook, reading: FormReading, dropping: int
) -> tuple[Saved, str]:
    change = reading.secret_change
    edited = await access.change(
        webhooks.edit,
        before.id,
        reading.fields,
        change,
        revision=before.revision,
        dropping=dropping,
        vault=access.store.vault,
    )
    after = edited.webhook
    saved = Saved(after.id, after.revision, before, change is not None, edited.dropped)
    if after.revision == before.revision:
        return saved, f"nothing to change: {after.named} is so already"
    dropped = f", {counted(edited.dropped, 'event')} dropped" if edited.dropped else ""
    return saved, f"saved {after.named}, revision {after.revision}{dropped}"


async def _add(access: StoreAccess, session: FormSession) -> tuple[Saved, str]:
    reading, secrets = session.reading, session.webhook.secrets
    webhook_id = await access.change(
        webhooks.add,
        reading.fields,
        secrets.current if secrets else None,
        start=reading.start,
        vault=access.store.vault,
    )
    name = f" ({reading.fields.name})" if reading.fields.name else ""
    return Saved(webhook_id, 1), f"added webhook {webhook_id}{name}"
