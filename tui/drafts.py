"""The form that was not saved, as the login's draft in the store."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from store import drafts
from tui.desk import Desk, Refused
from tui.webhook_form_fields import Contents, FormTexts


@dataclass(frozen=True, slots=True)
class Draft:
    """What was typed, over what, and of which revision that was (None for a new webhook)."""

    typed: Contents
    base: Contents
    revision: int | None
    generated: str = field(default="", repr=False)
    at_ms: int = 0


async def keep(desk: Desk, subject: str, draft: Draft) -> int:
    """Save the draft of a subject, and give the time by which it is known. Raises Refused."""
    parts = {
        "typed": asdict(draft.typed.with_all_hidden()),
        "base": asdict(draft.base),
        "revision": draft.revision,
        "generated": draft.generated,
    }
    text = json.dumps(parts, ensure_ascii=False)
    return await desk.change(drafts.save, subject, text, vault=desk.store.vault)


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


def _from_text(text: str, at_ms: int) -> Draft:
    parts = json.loads(text)
    return Draft(
        typed=_contents(parts["typed"]),
        base=_contents(parts["base"]),
        revision=parts["revision"],
        generated=parts["generated"],
        at_ms=at_ms,
    )


def _contents(parts: dict[str, dict[str, Any]]) -> Contents:
    known = {name: tuple(values) for name, values in parts["known"].items()}
    return Contents(FormTexts(**parts["texts"]), known)
