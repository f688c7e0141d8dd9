"""Saving the form, and what to do where somebody else saved before."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace

from delivery.edited import drop_question
from delivery.tls import CaFileError, ssl_context
from domain.actors import Actor
from domain.event_types import EventType
from domain.words import counted, span_text
from store import audit, webhooks
from store.errors import MoreToDrop
from store.records import Change, Webhook
from tui.desk import Desk, Refused
from tui.screens.confirm import Question
from tui.webhook_form_fields import Contents, contents_of, labels_of, merge
from tui.webhook_form_state import Opened, Typed, read_webhook

REVISING = frozenset(
    f"webhook.{word}" for word in ("edit", "pause", "unpause", "delete", "undelete")
)
"""The actions that make another revision of a webhook, one each."""


@dataclass(frozen=True, slots=True)
class Saved:
    """What a form saved: `before` is None for a new webhook."""

    webhook_id: int
    revision: int
    before: Webhook | None = None
    secret_changed: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """What was saved, and the sentence that says so."""

    saved: Saved
    sentence: str


@dataclass(frozen=True, slots=True)
class Overtaken:
    """Somebody else saved: the form as it goes on from there, and what to say."""

    opened: Opened
    contents: Contents
    news: str
    is_over: bool


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
    saved = Saved(after.id, after.revision, before, typed.secret_change is not None)
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


async def overtaken(
    desk: Desk, opened: Opened, typed: Contents, revision: int | None
) -> Overtaken | None:
    """The form on top of what is saved now, if that is not `revision` any more. Raises Refused."""
    before = opened.editing
    if before is None or revision is None:
        return None
    current = await read_webhook(desk, before.id)
    if current.revision == revision:
        return None
    theirs = contents_of(current.fields)
    merged = merge(typed, opened.base, theirs)
    changes = await desk.read(audit.changes, webhook_id=before.id)
    news = _news(changes, current.revision - revision, desk.now_ms(), merged.disputed)
    return Overtaken(
        replace(opened, base=theirs, source=current),
        merged.contents,
        news,
        bool(merged.disputed),
    )


def _news(changes: Iterable[Change], revisions: int, now_ms: int, disputed: Iterable[str]) -> str:
    """Who changed which field, and what saving would do to that."""
    since = [one for one in changes if one.action in REVISING][:revisions]
    lines = [_told(one, now_ms) for one in since]
    mine = labels_of(disputed)
    lines.append(
        f"What you typed is kept; saving puts your {mine} over it."
        if mine
        else "What you typed is kept; saving keeps their changes too."
    )
    return "\n".join(lines)


def _told(change: Change, now_ms: int) -> str:
    before = change.detail.get("before")
    names = before if isinstance(before, dict) else {}
    verb = "changed" if change.action == "webhook.edit" else change.action.split(".")[1] + "d"
    what = labels_of(str(name).removesuffix("_ms") for name in names)
    age_ms = now_ms - change.at_ms
    when = f"{span_text(age_ms)} ago" if age_ms >= 1000 else "just now"
    who = Actor(change.user, change.login, change.address).text
    return f"{who} {verb} {what or 'it'} {when}."
