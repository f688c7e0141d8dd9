"""What is told at the start of forms that were left unsaved; loads nothing of the forms."""

from __future__ import annotations

from typing import Any

from textual.screen import Screen

from store import drafts
from tui.desk import Desk, Refused
from tui.live import Live
from tui.notices import tell
from tui.webhook_form.draft_holders import holder_of, holding
from tui.webhook_form.titles import COPY_OF, NEW, form_title


async def tell_of_drafts(screen: Screen[Any], desk: Desk, live: Live) -> None:
    """Say that drafts wait, of those forms that can still be opened."""
    try:
        subjects = await desk.read(drafts.waiting, actor=desk.actor, now_ms=desk.now_ms())
    except Refused:
        return
    free = [one for one in subjects if not await _is_open_elsewhere(one, desk, live)]
    titles = [title for title in (_title(subject, live) for subject in free) if title]
    if titles:
        them = "a draft waits" if len(titles) == 1 else f"{len(titles)} drafts wait"
        tell(screen, f"{them}, not saved: {', '.join(titles)}; open the form to go on")


async def _is_open_elsewhere(subject: str, desk: Desk, live: Live) -> bool:
    try:
        stored = await desk.read(drafts.load, subject, vault=desk.store.vault, actor=desk.actor)
    except Refused:
        return False
    return stored is not None and holding(holder_of(stored.text), live) is not None


def _title(subject: str, live: Live) -> str:
    """What the form of a draft does; "" if its webhook is gone."""
    if subject == NEW:
        return form_title(None)
    webhooks = [one.webhook for one in live.report.overview.webhooks] if live.report else []
    wanted = subject.removeprefix(COPY_OF)
    named = next((one.named for one in webhooks if str(one.id) == wanted), None)
    return "" if named is None else form_title(named, of_copy=subject != wanted)
