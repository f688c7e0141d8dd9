"""Drafts that wait: their titles, the terminals that have them open, and the notice at the start.

It loads nothing of the form, since the first paint does not wait for that.
"""

from __future__ import annotations

import json
from typing import Any

from textual.screen import Screen

from store import drafts
from store.records import StoredWorker
from store.workers import has_no_process
from tui.state.live_report import LiveReport
from tui.state.store_access import Refused, StoreAccess
from tui.widgets.notices import show_notice

NEW = "new"
COPY_OF = "copy of "
"""Subjects of drafts: NEW, COPY_OF and the id of a webhook, or the id of the edited one."""

HOLDER = "holder"


def form_title(named: str | None, *, of_copy: bool = False) -> str:
    """Return the title of a form; without a webhook's name it adds one."""
    if named is None:
        return "Add webhook"
    return f"{'Duplicate' if of_copy else 'Edit'} {named}"


def holder_of(text: str) -> str:
    """Return the worker that a draft's text names; "" for none, also where it cannot be read.

    A draft names the worker of its terminal while its form is open there.
    """
    try:
        named = json.loads(text).get(HOLDER)
    except (ValueError, AttributeError):
        return ""
    return named if isinstance(named, str) else ""


def other_holder(holder: str, live: LiveReport) -> StoredWorker | None:
    """Return the worker of another terminal that has a draft's form open; a dead one has none."""
    report = live.report
    if not holder or report is None or holder == live.own_worker():
        return None
    found = next((worker for worker in report.overview.workers if worker.id == holder), None)
    if found is None or report.is_old(found) or has_no_process(found):
        return None
    return found


async def announce_drafts(screen: Screen[Any], access: StoreAccess, live: LiveReport) -> None:
    """Say that drafts wait, of those forms that can still be opened."""
    try:
        subjects = await access.read(drafts.waiting, actor=access.actor, now_ms=access.now_ms())
    except Refused:
        return
    free = [subject for subject in subjects if not await _is_open_elsewhere(subject, access, live)]
    titles = [title for title in (_title(subject, live) for subject in free) if title]
    if titles:
        them = "a draft waits" if len(titles) == 1 else f"{len(titles)} drafts wait"
        show_notice(screen, f"{them}, not saved: {', '.join(titles)}; open the form to go on")


async def _is_open_elsewhere(subject: str, access: StoreAccess, live: LiveReport) -> bool:
    try:
        stored = await access.read(
            drafts.load, subject, vault=access.store.vault, actor=access.actor
        )
    except Refused:
        return False
    return stored is not None and other_holder(holder_of(stored.text), live) is not None


def _title(subject: str, live: LiveReport) -> str:
    """Return the title of a draft's form; "" if its webhook is gone."""
    if subject == NEW:
        return form_title(None)
    webhooks = [status.webhook for status in live.report.overview.webhooks] if live.report else []
    wanted = subject.removeprefix(COPY_OF)
    named = next((webhook.named for webhook in webhooks if str(webhook.id) == wanted), None)
    return "" if named is None else form_title(named, of_copy=subject != wanted)
