"""What somebody else did to the webhook while its form was open: found, merged and told."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass, replace

from domain.actors import Actor
from domain.urls import mask_url
from domain.words import span_text
from store import audit
from store.records import Change, Webhook
from tui.desk import Desk
from tui.webhook_form.fields import LABELS, Contents, FormTexts, contents_of, labels_of, merge
from tui.webhook_form.opening import Opened, read_webhook

REVISING = frozenset(
    f"webhook.{word}" for word in ("edit", "pause", "unpause", "delete", "undelete")
)
"""The actions that make another revision of a webhook, one each."""

MOST_TOLD = 2
"""Of the changes the newest, so that they never push the form away."""


@dataclass(frozen=True, slots=True)
class Latest:
    """The webhook as it is saved now, and the changes since the form read it, newest first."""

    webhook: Webhook
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Overtaken:
    """Somebody else saved: the form as it goes on from there."""

    opened: Opened
    contents: Contents
    changes: tuple[Change, ...] = ()
    disputed: frozenset[str] = frozenset()
    """The fields in which saving puts something over what somebody else saved."""

    def news(self, now_ms: int) -> str:
        """Who changed what how long ago, and what saving would do to that."""
        if self.opened.source is None or not self.changes:
            return ""
        told = (_told(one, now_ms) for one in self.changes[:MOST_TOLD])
        theirs = _theirs(self.contents, self.opened.base, self.disputed)
        lines = (*told, _consequence(self.opened.source, self.disputed), theirs)
        return "\n".join(filter(None, lines))


async def find_latest(desk: Desk, opened: Opened, revision: int | None) -> Latest | None:
    """What is saved now, if that is not `revision` any more. Raises Refused."""
    before = opened.editing
    if before is None or revision is None:
        return None
    current = await read_webhook(desk, before.id)
    if current.revision == revision:
        return None
    changes = await desk.read(audit.changes, webhook_id=before.id)
    since = [one for one in changes if one.action in REVISING][: current.revision - revision]
    return Latest(current, tuple(since))


def overtaken(before: Overtaken, typed: Contents, latest: Latest) -> Overtaken:
    """The form on top of what is saved now; what was told before is told still."""
    theirs = contents_of(latest.webhook.fields)
    merged = merge(typed, before.opened.base, theirs)
    mine = merged.contents
    return Overtaken(
        replace(before.opened, base=theirs, source=latest.webhook),
        mine,
        latest.changes + before.changes,
        (merged.disputed | before.disputed) & mine.changed_from(theirs),
    )


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


def _theirs(mine: Contents, theirs: Contents, disputed: Container[str]) -> str:
    """What they saved where both changed a field, secrets masked: "theirs: Name pager"."""
    told = [_value(name, mine.texts, theirs.texts) for name in LABELS if name in disputed]
    return f"Theirs: {'; '.join(told)}" if told else ""


def _value(name: str, mine: FormTexts, theirs: FormTexts) -> str:
    """A field's value; of several lines those that are not mine too."""
    text = getattr(theirs, name)
    own = getattr(mine, name).split("\n")
    lines = [line for line in text.split("\n") if line and line not in own]
    shown = mask_url(text) if name == "url" else ", ".join(lines)
    return f"{labels_of([name])} {shown or ('without lines of yours' if text else 'empty')}"


def _told(change: Change, now_ms: int) -> str:
    before = change.detail.get("before")
    names = before if isinstance(before, dict) else {}
    verb = "changed" if change.action == "webhook.edit" else change.action.split(".")[1] + "d"
    what = labels_of(str(name).removesuffix("_ms") for name in names)
    age_ms = now_ms - change.at_ms
    when = f"{span_text(age_ms)} ago" if age_ms >= 1000 else "just now"
    who = Actor(change.user, change.login, change.address).text
    return f"{who} {verb} {what or 'it'} {when}."
