"""Saving the form."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from delivery.edited import drop_question
from delivery.tls import CaFileError, ssl_context
from domain.event_types import EventType
from domain.words import counted
from store import webhooks
from store.errors import MoreToDrop
from store.records import Webhook
from tui.desk import Desk, Refused
from tui.questions import Question
from tui.webhook_form.opening import Opened, Typed


@dataclass(frozen=True, slots=True)
class Saved:
    """What a form saved: `before` is None for a new webhook."""

    webhook_id: int
    revision: int
    before: Webhook | None = None
    secret_changed: bool = False
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class Done:
    """What was saved, and the sentence that says so."""

    saved: Saved
    sentence: str


async def ca_file_problem(typed: Typed) -> str:
    """Why the CA file cannot be used, with the cure; "" if it can."""
    try:
        await asyncio.to_thread(ssl_context, typed.reading.best.ca_file)
    except CaFileError as error:
        return f"{error}; name a PEM file of certificates"
    return ""


async def save(
    desk: Desk, opened: Opened, typed: Typed, ask: Callable[[Question], Awaitable[bool]]
) -> Done | None:
    """Add or save the webhook, in which nothing is wrong. Raises Refused.

    A new type drops unsealed events: that is asked first, and again where more came meanwhile.
    None if the answer was no.
    """
    before, type_ = opened.editing, typed.reading.best.type
    if before is None:
        return await _add(desk, opened, typed)
    if before.deleted_ms is not None:
        return await _add(desk, opened, typed) if await ask(_add_anew(before)) else None
    asked: int | None = None
    while True:
        is_typed_anew = before.fields.type is not type_
        dropping = await desk.read(webhooks.droppable, before.id) if is_typed_anew else 0
        if dropping and not await ask(_drop(before, dropping, type_, asked)):
            return None
        try:
            return await _edit(desk, before, typed, dropping)
        except Refused as refused:
            if not isinstance(refused.__cause__, MoreToDrop):
                raise
            asked = dropping


def of_refused(reason: str) -> Question:
    """About a URL whose own address the network policy refuses."""
    return Question("Save it all the same?", (f"{reason}.",), yes="Save")


def _add_anew(before: Webhook) -> Question:
    lines = (f"{before.named} stays deleted.",)
    return Question("Add what is typed as a new webhook?", lines, yes="Add as new")


def _drop(before: Webhook, dropping: int, type_: EventType, asked: int | None) -> Question:
    more = (
        ()
        if asked is None
        else (f"Nothing is saved yet: meanwhile it became more than {asked:,}.",)
    )
    return Question(drop_question([(before, dropping)], type_), more, yes="Drop and save")


async def _edit(desk: Desk, before: Webhook, typed: Typed, dropping: int) -> Done:
    edited = await desk.change(
        webhooks.edit,
        before.id,
        typed.reading.best,
        typed.secret_change,
        revision=before.revision,
        dropping=dropping,
        vault=desk.store.vault,
    )
    after = edited.webhook
    saved = Saved(after.id, after.revision, before, typed.secret_change is not None, edited.dropped)
    if after.revision == before.revision:
        return Done(saved, f"nothing to change: {after.named} is so already")
    dropped = f", {counted(edited.dropped, 'event')} dropped" if edited.dropped else ""
    return Done(saved, f"saved {after.named}, revision {after.revision}{dropped}")


async def _add(desk: Desk, opened: Opened, typed: Typed) -> Done:
    secrets = typed.secrets_after(opened.secrets)
    webhook_id = await desk.change(
        webhooks.add,
        typed.reading.best,
        secrets.current if secrets else None,
        start=typed.reading.start,
        vault=desk.store.vault,
    )
    name = typed.reading.best.name
    return Done(
        Saved(webhook_id, 1), f"added webhook {webhook_id}" + (f" ({name})" if name else "")
    )
