"""A form that keeps what is typed into it as a draft, and offers it when it is opened again."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from textual.timer import Timer

from domain.words import span_text
from tui import drafts
from tui.desk import Refused
from tui.drafts import Draft
from tui.screens.base import TocsinScreen
from tui.screens.confirm import ConfirmScreen, Question

KEEP_AFTER_S = 1.0


class DraftedForm(TocsinScreen):
    """`subject` names the draft; `draft` is what is to be kept, None if nothing was typed."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._timer: Timer | None = None
        self._is_kept = False
        self._refused = False

    @property
    @abstractmethod
    def subject(self) -> str:
        """The name under which this form's draft is kept."""

    @abstractmethod
    def draft(self) -> Draft | None:
        """What is to be kept now."""

    async def offer_draft(self) -> Draft | None:
        """The draft that was kept, unless the admin drops it now."""
        found = await drafts.find(self.desk, self.subject)
        if found is None:
            return None
        self._is_kept = True
        age = span_text(self.desk.now_ms() - found.at_ms)
        fields = ", ".join(sorted(found.typed.changed_from(found.base)))
        question = Question(
            f"Drop your draft of {age} ago?",
            (f"You typed into this form and did not save: {fields}.",),
            yes="Drop it",
            no="Go on with it",
        )
        if await self.app.push_screen_wait(ConfirmScreen(question)):
            await self.drop_draft()
            return None
        return found

    def keep_soon(self) -> None:
        """Keep the draft when nothing was typed for a second."""
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(KEEP_AFTER_S, self._keep_now)

    async def keep_draft(self) -> None:
        """Keep the draft, or drop it where nothing differs any more; say once if that fails."""
        draft = self.draft()
        if draft is None:
            await self.drop_draft()
            return
        try:
            await drafts.keep(self.desk, self.subject, draft)
            self._is_kept = True
        except Refused as refused:
            if not self._refused:
                self._refused = True
                self.tell(f"what you type is not kept as a draft: {refused}", bad=True)

    async def drop_draft(self) -> None:
        """Forget the draft, if there is one."""
        if self._timer is not None:
            self._timer.stop()
        if not self._is_kept:
            return
        self._is_kept = False
        try:
            await drafts.drop(self.desk, self.subject)
        except Refused as refused:
            self.tell(f"the draft is still there: {refused}", bad=True)

    async def on_unmount(self) -> None:
        await self.keep_draft()

    def _keep_now(self) -> None:
        self.run_worker(self.keep_draft(), group="draft")
