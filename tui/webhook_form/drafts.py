"""The form that was not saved, as the login's draft in the store."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from store import drafts
from tui.desk import Desk, Refused
from tui.webhook_form.draft_holders import HOLDER, holder_of
from tui.webhook_form.fields import Contents, FormTexts


@dataclass(frozen=True, slots=True)
class Draft:
    """What was typed, over what, and of which revision that was (None for a new webhook)."""

    typed: Contents
    base: Contents
    revision: int | None
    generated: str = field(default="", repr=False)
    at_ms: int = 0
    holder: str = field(default="", compare=False)
    """The worker of the terminal in which its form is open; "" for none."""


async def keep(desk: Desk, subject: str, draft: Draft) -> int:
    """Save the draft of a subject, and give the time by which it is known. Raises Refused."""
    text = _text_of(draft, _own_worker(desk))
    return await desk.change(drafts.save, subject, text, vault=desk.store.vault)


async def take_up(desk: Desk, subject: str, draft: Draft) -> None:
    """Say in a kept draft that its form is open here. Raises Refused."""
    text = _text_of(draft, _own_worker(desk))
    await desk.change(drafts.rewrite, subject, text, draft.at_ms, vault=desk.store.vault)


async def give_up(desk: Desk, subject: str, draft: Draft, at_ms: int) -> None:
    """Say in the draft that is known by this time that its form is open nowhere. Raises Refused."""
    text = _text_of(draft, "")
    await desk.change(drafts.rewrite, subject, text, at_ms, vault=desk.store.vault)


async def drop(desk: Desk, subject: str, at_ms: int) -> None:
    """Forget the draft of a subject that is known by this time. Raises Refused."""
    await desk.change(drafts.drop, subject, at_ms)


async def find(desk: Desk, subject: str) -> Draft | None:
    """The draft of a subject; None also where it can't be read or another Tocsin wrote it."""
    try:
        stored = await desk.read(drafts.load, subject, vault=desk.store.vault, actor=desk.actor)
        return None if stored is None else _from_text(stored.text, stored.at_ms)
    except (Refused, ValueError, TypeError, KeyError):
        return None


def _own_worker(desk: Desk) -> str:
    return (desk.worker.id if desk.worker is not None else None) or ""


def _text_of(draft: Draft, holder: str) -> str:
    parts = {
        "typed": asdict(draft.typed.with_all_hidden()),
        "base": asdict(draft.base),
        "revision": draft.revision,
        "generated": draft.generated,
        HOLDER: holder,
    }
    return json.dumps(parts, ensure_ascii=False)


def _from_text(text: str, at_ms: int) -> Draft:
    parts = json.loads(text)
    return Draft(
        typed=_contents(parts["typed"]),
        base=_contents(parts["base"]),
        revision=parts["revision"],
        generated=parts["generated"],
        at_ms=at_ms,
        holder=holder_of(text),
    )


def _contents(parts: dict[str, dict[str, Any]]) -> Contents:
    """What a form held; a URL that an older Tocsin kept readable in the draft is hidden."""
    known = {name: tuple(values) for name, values in parts["known"].items()}
    return Contents(FormTexts(**parts["texts"]), known).with_all_hidden()
