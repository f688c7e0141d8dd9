"""A form that keeps what is typed into it as a draft, and offers it when it is opened again."""

from __future__ import annotations

import asyncio
import os
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Container
from contextlib import suppress
from dataclasses import replace
from typing import Any

from textual.timer import Timer

from domain.urls import mask_url
from domain.words import span_text
from store.records import Worker
from tui.desk import Refused
from tui.ending import EndingScreen
from tui.key_order import ReadyLater
from tui.leaving import KEPT
from tui.questions import Question
from tui.screens.confirm import ConfirmScreen
from tui.webhook_form import drafts
from tui.webhook_form.draft_holders import holding
from tui.webhook_form.drafts import Draft
from tui.webhook_form.fields import labels_of
from tui.webhook_form.kept_draft import KeptDraftScreen
from tui.widgets.columns import cut

LONGEST = 60
"""Columns for what a new webhook is known by: a URL may have thousands."""

KEEP_AFTER_S = 1.0
KEEP_AT_LATEST_S = 3.0
"""Whoever types without a pause has so much to type anew after a crash, and no more."""


class DraftedForm(ReadyLater, EndingScreen):
    """`subject` names the draft; `draft` is what is to be kept, None if nothing was typed."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._pause: Timer | None = None
        self._latest: Timer | None = None
        self._kept_ms: int | None = None
        self._kept: Draft | None = None
        self._turn = asyncio.Lock()
        self.is_offering = False
        self._refused = False

    @property
    @abstractmethod
    def subject(self) -> str:
        """The name under which this form's draft is kept."""

    @abstractmethod
    def draft(self) -> Draft | None:
        """What is to be kept now."""

    async def offer_draft(self, title: str) -> Draft | None:
        """The draft that was kept, unless the admin drops it now; `title` says what it is of."""
        found = await drafts.find(self.desk, self.subject)
        if found is None:
            return None
        elsewhere = holding(found.holder, self.live)
        if elsewhere is not None:
            self.tell(open_elsewhere(elsewhere))
            return None
        self._kept_ms = found.at_ms
        self.is_offering = True
        question = draft_question(title, found, self.desk.now_ms())
        is_dropped = await self.app.push_screen_wait(KeptDraftScreen(question))
        self.is_offering = False
        if is_dropped:
            await self.drop_draft()
            return None
        with suppress(Refused):  # it is offered elsewhere too, then
            await drafts.take_up(self.desk, self.subject, found)
            self._kept = replace(found, at_ms=0)
        return found

    def keep_soon(self) -> None:
        """Keep the draft when nothing was typed for a second, and soon enough where it is."""
        if self._pause is not None:
            self._pause.stop()
        self._pause = self.set_timer(KEEP_AFTER_S, self._keep_now)
        if self._latest is None:
            self._latest = self.set_timer(KEEP_AT_LATEST_S, self._keep_now)

    @property
    def fate_of_typed(self) -> str:
        return "" if self.draft() is None else KEPT

    async def keep_draft(self) -> None:
        """Keep the draft, or drop it where nothing differs any more; say once if that fails.

        While a kept draft is offered, the form does not hold it yet: it stays as it is.
        """
        if self.is_offering:
            return
        draft = self.draft()
        if draft is None:
            await self.drop_draft()
            return
        if draft == self._kept:
            return  # another terminal may have kept something newer
        try:
            async with self._turn:
                self._kept_ms = await drafts.keep(self.desk, self.subject, draft)
                self._kept = draft
        except Refused as refused:
            if not self._refused:
                self._refused = True
                self.tell(f"what you type is not kept as a draft: {refused}", bad=True)

    async def drop_draft(self) -> None:
        """Forget the draft that this form kept or took up; not what another terminal kept since."""
        self._stop_timers()
        try:
            async with self._turn:
                kept_ms, self._kept_ms = self._kept_ms, None
                self._kept = None
                if kept_ms is not None:
                    await drafts.drop(self.desk, self.subject, kept_ms)
        except Refused as refused:
            self.tell(f"the draft is still there: {refused}", bad=True)

    async def is_sure(self, question: Question) -> bool:
        """Ask the admin."""
        return await self.app.push_screen_wait(ConfirmScreen(question))

    async def leave_if_sure(self, arrive: Callable[[], Awaitable[None]] | None) -> None:
        """Leave without saving, if the admin says so."""
        question = Question("Leave without saving?", (KEPT,), yes="Leave", no="Keep editing")
        if await self.is_sure(question):
            self.end_with(None, arrive)

    async def on_unmount(self) -> None:
        await self.keep_draft()
        if self._kept is not None and self._kept_ms is not None:
            with suppress(Refused):  # whoever asks sees that this terminal is gone
                await drafts.give_up(self.desk, self.subject, self._kept, self._kept_ms)

    def _stop_timers(self) -> None:
        for timer in (self._pause, self._latest):
            if timer is not None:
                timer.stop()
        self._pause = self._latest = None

    def _keep_now(self) -> None:
        self._stop_timers()
        self.in_background(self.keep_draft(), group="draft")


def open_elsewhere(worker: Worker) -> str:
    """Why a draft is not offered."""
    where = "" if worker.host == os.uname().nodename else f" on {worker.host}"
    return f"your draft of this form is open in another terminal (pid {worker.pid}{where})"


def draft_question(title: str, draft: Draft, now_ms: int) -> Question:
    """What was typed, where and when."""
    changed = draft.typed.changed_from(draft.base)
    return Question(
        f"Drop your draft from {span_text(now_ms - draft.at_ms)} ago?",
        (f"{title}{_new_one(draft, changed)}: you changed {labels_of(changed)} and did not save.",),
        yes="Drop it",
        no="Go on with it",
    )


def _new_one(draft: Draft, changed: Container[str]) -> str:
    """What a new webhook can be known by."""
    texts = draft.typed.texts
    if draft.revision is None and "name" in changed:
        return f", {cut(texts.name.strip(), LONGEST)}"
    if draft.revision is None and "url" in changed:
        return f", {cut(mask_url(texts.url.strip()), LONGEST)}"
    return ""
