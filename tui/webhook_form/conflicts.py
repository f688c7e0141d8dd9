"""Conflicts of two admins: edits that others save while a form is open, merged and shown."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from domain.actors import Actor
from domain.filters import OfWebhook, Term
from domain.urls import mask_url
from domain.wording import span_text
from store import audit
from store.records import AuditEntry, Webhook
from tui.state.store_access import StoreAccess
from tui.webhook_form.hidden_values import URL, merged, rebase_headers, standing_first, with_url
from tui.webhook_form.opening import read_webhook
from tui.webhook_form.texts import LABELS, FormTexts, labels_of

REVISING = frozenset(
    f"webhook.{word}" for word in ("edit", "pause", "unpause", "delete", "undelete")
)
"""The actions that make another revision of a webhook, one each."""

MOST_SHOWN = 2
"""Of the changes the newest, so that they never push the form away."""


class OtherEdits(msgspec.Struct, frozen=True):
    """Changes that others saved while the form was open, newest first.

    `disputed` are the fields in which saving puts something over them; `advice` says so.
    """

    changes: tuple[AuditEntry, ...] = ()
    disputed: frozenset[str] = frozenset()
    advice: str = ""

    def text(self, now_ms: int) -> str:
        """Return who changed what how long ago, and what saving does to that; "" if nobody did."""
        changes = (_change_text(change, now_ms) for change in self.changes[:MOST_SHOWN])
        return "\n".join(filter(None, (*changes, self.advice)))


async def find_edits(
    access: StoreAccess, editing: Webhook | None, revision: int | None
) -> tuple[Webhook, tuple[AuditEntry, ...]] | None:
    """Return the webhook as it is saved now and its changes since `revision`, newest first.

    None where that still is its revision, or none is edited. Raises Refused.
    """
    if editing is None or revision is None:
        return None
    current = await read_webhook(access, editing.id)
    if current.revision == revision:
        return None
    changes = await access.read(audit.changes, [Term(OfWebhook(editing.id))])
    revising = [change for change in changes if change.action in REVISING]
    return current, tuple(revising[: current.revision - revision])


def merge(mine: FormTexts, base: FormTexts, theirs: FormTexts) -> tuple[FormTexts, frozenset[str]]:
    """Merge two edits of `base`: return the texts, and the fields that both sides changed.

    What was typed stays; fields nobody typed into show what somebody else saved.
    """
    typed, saved = mine.changed_from(base), theirs.changed_from(base)
    kept = {name: getattr(mine.plain, name) for name in typed}
    if "headers" in kept:
        kept["headers"] = rebase_headers(kept["headers"], base.known, theirs.known)
    plain = replace(theirs.plain, **kept, generated=mine.generated)
    known = standing_first(plain.headers, merged(theirs.known, base.known, mine.known))
    known = with_url(plain.url, known) if plain.url in known.get(URL, ()) else known
    result = replace(plain, known=known).masked
    return result, frozenset(typed & saved & result.changed_from(theirs))


def advice(current: Webhook, mine: FormTexts, theirs: FormTexts, disputed: frozenset[str]) -> str:
    """Return what saving does to what they saved, and their values of the disputed fields."""
    values = [_value(name, mine, theirs) for name in LABELS if name in disputed]
    lines = [_consequence(current, disputed)]
    if values:
        lines.append(f"Theirs: {'; '.join(values)}")
    return "\n".join(lines)


def _consequence(current: Webhook, disputed: Iterable[str]) -> str:
    if current.deleted_ms is not None:
        return (
            f"It can't be saved now: `tocsin webhook undelete {current.id}` brings it back within "
            "ten minutes, or add what you typed as a new one."
        )
    mine = labels_of(disputed)
    if mine:
        return f"What you typed is kept; saving puts your {mine} over it."
    return "What you typed is kept; saving keeps their changes too."


def _value(name: str, mine: FormTexts, theirs: FormTexts) -> str:
    """Return their value of a field, secrets masked; of several lines those unlike mine."""
    text = getattr(theirs, name)
    own = getattr(mine, name).split("\n")
    lines = [line for line in text.split("\n") if line and line not in own]
    shown = mask_url(text) if name == "url" else ", ".join(lines)
    return f"{labels_of([name])} {shown or ('without lines of yours' if text else 'empty')}"


def _change_text(change: AuditEntry, now_ms: int) -> str:
    before = change.detail.get("before")
    names = before if isinstance(before, dict) else {}
    verb = "changed" if change.action == "webhook.edit" else change.action.split(".")[1] + "d"
    what = labels_of(str(name).removesuffix("_ms") for name in names)
    age_ms = now_ms - change.at_ms
    when = f"{span_text(age_ms)} ago" if age_ms >= 1000 else "just now"
    who = Actor(change.user, change.login, change.address).text
    return f"{who} {verb} {what or 'it'} {when}."
