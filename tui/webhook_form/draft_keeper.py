"""Keeper of the draft: saves what is typed into a form soon after, and offers it the next time."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Container
from contextlib import suppress
from typing import ClassVar

from msgspec.structs import replace
from textual.binding import Binding, BindingType
from textual.timer import Timer
from textual.widgets import Button

from domain.urls import mask_url
from domain.wording import span_text
from store.records import StoredWorker
from tui.cells import cut
from tui.questions import Question
from tui.screens.base import TocsinScreen
from tui.screens.dialogs import ConfirmScreen
from tui.screens.quitting import KEPT, LOST, PARTLY_KEPT
from tui.state.store_access import Refused
from tui.webhook_form import drafts
from tui.webhook_form.drafts import FormDraft
from tui.webhook_form.session import FormSession
from tui.webhook_form.texts import labels_of
from tui.webhook_form.waiting_drafts import other_holder

LONGEST = 60
"""Columns for the name or URL of a new webhook: a URL may have thousands."""

KEEP_AFTER_S = 1.0
KEEP_AT_LATEST_S = 3.0
"""Seconds after the last key, and at the latest: a crash costs no more than that of typing."""


class DraftKeeper:
    """Keeps the draft of one open form; while a kept one is offered, that stays as it is."""

    def __init__(self, screen: TocsinScreen) -> None:
        self.is_offering = False
        self._screen = screen
        self._access = screen.access
        self._session: FormSession | None = None
        self._subject = ""
        self._pause: Timer | None = None
        self._latest: Timer | None = None
        self._kept_ms: int | None = None
        self._kept: FormDraft | None = None
        self._lock = asyncio.Lock()
        self._was_refused = self._is_refused = False

    @property
    def fate(self) -> str:
        """The sentence of what becomes of what is typed when the form is left now."""
        if not self._is_refused and not self._access.refusal:
            return KEPT
        return LOST if self._kept is None else PARTLY_KEPT

    async def offer(self, session: FormSession) -> FormDraft | None:
        """Return the draft that was kept of this form, unless the admin drops it now."""
        self._session, self._subject = session, session.subject
        found = await drafts.find(self._access, self._subject)
        if found is None:
            return None
        elsewhere = other_holder(found.holder, self._screen.live)
        if elsewhere is not None:
            self._screen.show_notice(_elsewhere_text(elsewhere))
            return None
        self._kept_ms = found.at_ms
        self.is_offering = True
        question = _draft_question(session.title, found, self._access.now_ms())
        is_dropped = await self._screen.app.push_screen_wait(KeptDraftScreen(question))
        self.is_offering = False
        if is_dropped:
            await self.drop()
            return None
        with suppress(Refused):  # it is offered elsewhere too, then
            await drafts.take_up(self._access, self._subject, found)
            self._kept = replace(found, at_ms=0, holder="")
        return found

    def keep_soon(self) -> None:
        """Keep the draft when nothing was typed for a second, or after three at the latest."""
        if self._pause is not None:
            self._pause.stop()
        self._pause = self._screen.set_timer(KEEP_AFTER_S, self._keep_now)
        if self._latest is None:
            self._latest = self._screen.set_timer(KEEP_AT_LATEST_S, self._keep_now)

    async def keep(self) -> None:
        """Keep the draft, or drop it where nothing differs any more; say once if that fails."""
        if self.is_offering:
            return
        draft = self._session.draft() if self._session is not None else None
        if draft is None:
            await self.drop()
            return
        if draft == self._kept:
            return  # another terminal may have kept something newer
        try:
            async with self._lock:
                self._kept_ms = await drafts.keep(self._access, self._subject, draft)
                self._kept = draft
            self._is_refused = False
        except Refused as refused:
            self._is_refused = True
            if not self._was_refused:
                self._was_refused = True
                self._screen.show_notice(
                    f"what you type is not kept as a draft: {refused}", bad=True
                )

    async def drop(self) -> None:
        """Forget the draft that this form kept or took up; not what another terminal kept since."""
        self._stop_timers()
        try:
            async with self._lock:
                kept_ms, self._kept_ms = self._kept_ms, None
                self._kept = None
                if kept_ms is not None:
                    await drafts.drop(self._access, self._subject, kept_ms)
        except Refused as refused:
            self._screen.show_notice(f"the draft is still there: {refused}", bad=True)

    async def close(self) -> None:
        """Keep the draft a last time, and give it up to other terminals."""
        await self.keep()
        if self._kept is not None and self._kept_ms is not None:
            with suppress(Refused):  # whoever asks sees that this terminal is gone
                await drafts.give_up(self._access, self._subject, self._kept, self._kept_ms)

    def _stop_timers(self) -> None:
        for timer in (self._pause, self._latest):
            if timer is not None:
                timer.stop()
        self._pause = self._latest = None

    def _keep_now(self) -> None:
        self._stop_timers()
        self._screen.in_background(self.keep(), group="draft")


class KeptDraftScreen(ConfirmScreen, inherit_bindings=False):
    """Question about a kept draft; only a key that no text has drops it, as it opens unseen."""

    YES_KEY = "draft.drop"
    NO_KEY = "draft.keep"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f8", "answer(True)", "drop it", id="draft.drop"),
        Binding("escape", "answer(False)", "go on with it", id="draft.keep"),
    ]

    def on_mount(self) -> None:
        self.query_one("#yes", Button).can_focus = False  # tab and enter are typed ahead too


def _elsewhere_text(worker: StoredWorker) -> str:
    where = "" if worker.host == os.uname().nodename else f" on {worker.host}"
    return f"your draft of this form is open in another terminal (pid {worker.pid}{where})"


def _draft_question(title: str, draft: FormDraft, now_ms: int) -> Question:
    """Return the question about a draft of the form with this title: its fields and its age."""
    changed = draft.typed.changed_from(draft.base)
    return Question(
        f"Drop your draft from {span_text(now_ms - draft.at_ms)} ago?",
        (f"{title}{_new(draft, changed)}: you changed {labels_of(changed)} and did not save.",),
        yes="Drop it",
        no="Go on with it",
    )


def _new(draft: FormDraft, changed: Container[str]) -> str:
    """The name or URL of a new webhook."""
    if draft.revision is None and "name" in changed:
        return f", {cut(draft.typed.name.strip(), LONGEST)}"
    if draft.revision is None and "url" in changed:
        return f", {cut(mask_url(draft.typed.url.strip()), LONGEST)}"
    return ""
