"""Drafts of the form: what was typed and not saved, kept encrypted in the store for each login."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from msgspec.structs import asdict

from store import drafts
from tui.state.store_access import Refused, StoreAccess
from tui.webhook_form.texts import FormTexts
from tui.webhook_form.waiting_drafts import HOLDER, holder_of


class FormDraft(msgspec.Struct, frozen=True):
    """Texts that were typed over `base`, which is of this revision (None for a new webhook).

    `holder` is the worker of the terminal in which its form is open, "" for none.
    """

    typed: FormTexts
    base: FormTexts
    revision: int | None
    at_ms: int = 0
    holder: str = ""


async def keep(access: StoreAccess, subject: str, draft: FormDraft) -> int:
    """Save the draft of a subject; return the time by which it is known. Raises Refused."""
    text = _text_of(draft, _own_worker(access))
    return await access.change(drafts.save, subject, text, vault=access.store.vault)


async def take_up(access: StoreAccess, subject: str, draft: FormDraft) -> None:
    """Note in a kept draft that its form is open here. Raises Refused."""
    text = _text_of(draft, _own_worker(access))
    await access.change(drafts.rewrite, subject, text, draft.at_ms, vault=access.store.vault)


async def give_up(access: StoreAccess, subject: str, draft: FormDraft, at_ms: int) -> None:
    """Note in the draft known by this time that its form is open nowhere. Raises Refused."""
    text = _text_of(draft, "")
    await access.change(drafts.rewrite, subject, text, at_ms, vault=access.store.vault)


async def drop(access: StoreAccess, subject: str, at_ms: int) -> None:
    """Forget the draft of a subject that is known by this time. Raises Refused."""
    await access.change(drafts.drop, subject, at_ms)


async def find(access: StoreAccess, subject: str) -> FormDraft | None:
    """Return the draft of a subject; None also if it can't be read or another Tocsin wrote it."""
    try:
        stored = await access.read(
            drafts.load, subject, vault=access.store.vault, actor=access.actor
        )
        return None if stored is None else _from_text(stored.text, stored.at_ms)
    except (Refused, ValueError, TypeError, KeyError):
        return None


def _own_worker(access: StoreAccess) -> str:
    return access.worker.id or ""


def _text_of(draft: FormDraft, holder: str) -> str:
    parts = {
        "typed": _parts_of(draft.typed.all_masked),
        "base": _parts_of(draft.base),
        "revision": draft.revision,
        "generated": draft.typed.generated,
        HOLDER: holder,
    }
    return json.dumps(parts, ensure_ascii=False)


def _from_text(text: str, at_ms: int) -> FormDraft:
    parts = json.loads(text)
    return FormDraft(
        typed=_texts(parts["typed"], parts["generated"]),
        base=_texts(parts["base"]),
        revision=parts["revision"],
        at_ms=at_ms,
        holder=holder_of(text),
    )


def _parts_of(texts: FormTexts) -> dict[str, Any]:
    shown = asdict(texts)
    del shown["generated"]
    return {"known": shown.pop("known"), "texts": shown}


def _texts(parts: dict[str, dict[str, Any]], generated: str = "") -> FormTexts:
    """Read texts; a URL that an older Tocsin kept readable in the draft is masked."""
    known = {name: tuple(values) for name, values in parts["known"].items()}
    return FormTexts(**parts["texts"], known=known, generated=generated).all_masked
