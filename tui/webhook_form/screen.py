"""Adding, editing and duplicating a webhook: checked while typing, and nothing typed is lost."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Button

from domain.safe import safe
from tui.desk import Desk, Refused
from tui.live import Live
from tui.webhook_form.conflicts import find_latest
from tui.webhook_form.drafts import Draft
from tui.webhook_form.hiding import HidingForm
from tui.webhook_form.keys import KEYS
from tui.webhook_form.opening import open_form
from tui.webhook_form.panel import WebhookFieldsPanel
from tui.webhook_form.preview import RequestPanel
from tui.webhook_form.saving import Saved, ca_file_problem, of_refused, save
from tui.webhook_form.session import TESTED, Session
from tui.webhook_form.tested import tried_out
from tui.webhook_form.titles import NEW
from tui.widgets.facts import Facts

__all__ = ["Saved", "WebhookFormScreen"]

SAVING = "it is being saved: the form closes by itself"


class WebhookFormScreen(HidingForm, inherit_bindings=False):
    """Ends with `Saved`, or with None if nothing was saved."""

    BINDINGS: ClassVar[list[BindingType]] = [*Screen.BINDINGS, *KEYS]
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012 - Textual types it as an instance variable
        (0, "-tiny"),
        (60, "-narrow"),
        (110, "-beside"),
    ]

    def __init__(
        self, desk: Desk, live: Live, *, editing: int | None = None, copy_of: int | None = None
    ) -> None:
        super().__init__(desk, live)
        self._editing = editing
        self._copy_of = copy_of
        self._refusal = ""
        self._is_saving = False
        self._is_saved = False

    def crumbs(self) -> str:
        word = "Add" if self._editing is None else "Edit"
        return word if self._copy_of is None else "Duplicate"

    def body(self) -> Iterable[Widget]:
        with Horizontal(id="form-columns"):
            with Vertical(classes="panel", id="form-panel"):
                yield Facts(id="form-notice", classes="notice")
                with Horizontal(id="form-buttons"):
                    yield Button("Save", id="save", variant="primary", compact=True)
                    yield Button("Send a test", id="test", compact=True)
                    yield Button("Cancel", id="cancel", compact=True)
                    yield Facts(id="form-todo", classes="todo")
            yield RequestPanel()

    def on_mount(self) -> None:
        self.query_one("#form-notice").display = False
        self.in_background(self._open(), group="open")

    async def _open(self) -> None:
        report = self.live.report
        try:
            opened = await open_form(self.desk, self._editing, self._copy_of)
        except Refused as refused:
            self.tell(str(refused), bad=True)
            self.end_with(None)
            return
        self._session = session = Session(self.desk, opened, report)
        frame = self.query_one("#form-panel")
        frame.border_title = Text(safe(opened.title))
        await frame.mount(session.panel, before=0)
        session.panel.focus_field("url" if self._editing else "type")
        session.read_again()
        self.show()
        try:
            await self._go_on_with_draft(session)
        finally:
            self.take_keys()

    async def _go_on_with_draft(self, session: Session) -> None:
        draft = await self.offer_draft(session.opened.title)
        if draft is not None:
            session.take(draft)
            await self._catch_up(session, draft.revision)

    @property
    def subject(self) -> str:
        return NEW if self._session is None else self._session.opened.subject

    def draft(self) -> Draft | None:
        if self._session is None or self._is_saved:
            return None
        return self._session.draft()

    @on(WebhookFieldsPanel.Changed)
    def _typed_into(self) -> None:
        if self._session is not None and self._session.read_again():
            self.keep_soon()
            self.show()

    def show(self) -> None:
        session = self._session
        if session is None:
            return
        if not (self._is_saving or self.is_offering) and session.is_overtaken(self.live.report):
            self.in_background(self._catch_up(session, session.revision), group="catch up")
        told = filter(None, (self._refusal, session.news, session.fate(self.live.report)))
        self._tell("#form-notice", "\n".join(told))
        self._tell("#form-todo", "saving ..." if self._is_saving else session.problem)
        button = self.query_one("#save", Button)
        button.disabled = session.first_wrong() is not None
        if str(button.label) != session.save_word:
            button.label = session.save_word
            button.refresh(layout=True)
        self.query_one(RequestPanel).show(session.webhook, session.settings, self.desk.now_ms())

    def _tell(self, selector: str, text: str) -> None:
        facts = self.query_one(selector, Facts)
        facts.tell(Text(safe(text, keep_newlines=True)))
        facts.display = bool(text)

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        actions = {"save": self.action_save, "test": self.action_test, "cancel": self.action_back}
        actions[event.button.id or ""]()

    def action_save(self) -> None:
        """Save, or show what is wrong."""
        session = self._session
        if session is None or self._is_saving:
            return
        if session.is_right():
            self._is_saving = True
            self.in_background(self._save(session), group="save")
        else:
            self.show()

    async def _save(self, session: Session) -> None:
        """Nothing can be typed meanwhile, since it would be neither saved nor kept."""
        focused = self.focused
        session.panel.disabled = True
        self.show()
        problem = ""
        try:
            problem = await ca_file_problem(session.typed)
            if not problem:
                await self._store(session)
        except Refused as refused:
            self._refusal = str(refused)
            with suppress(Refused):
                await self._catch_up(session, session.revision)
        finally:
            self._is_saving = session.panel.disabled = self.is_ending
        self.show()
        if problem:
            session.complain_about("ca_file", problem)
        elif focused is not None:
            focused.focus()

    async def _store(self, session: Session) -> None:
        if session.newly_refused and not await self.is_sure(of_refused(session.newly_refused)):
            return
        done = await save(self.desk, session.opened, session.typed, self.is_sure)
        if done is None:
            return
        self._is_saved = True
        await self.drop_draft()
        await self.live.look_again()
        self.tell(done.sentence)
        self.end_with(done.saved)

    async def _catch_up(self, session: Session, revision: int | None) -> None:
        """If somebody else saved since `revision`, say so and go on from there."""
        known = session.revision
        latest = await find_latest(self.desk, session.opened, revision)
        if latest is not None and session.revision == known:
            self._refusal = ""
            session.go_on(latest)
        self.show()

    def action_test(self) -> None:
        """Send a test event with what is typed; what it doesn't need may be wrong."""
        session = self._session
        if session is None:
            return
        if session.is_right(TESTED):
            self.in_background(self._test(session), group="test", exclusive=True)
        else:
            self.show()

    async def _test(self, session: Session) -> None:
        panel = self.query_one(RequestPanel)
        panel.begin_test()
        panel.end_test(await tried_out(self.desk, session.webhook, session.settings))

    def action_back(self) -> None:
        """Leave; ask if something was typed."""
        self._leave()

    async def leave_for(self, arrive: Callable[[], Awaitable[None]]) -> None:
        self._leave(arrive)

    def _leave(self, arrive: Callable[[], Awaitable[None]] | None = None) -> None:
        if self._is_saving:
            self.tell(SAVING)
        elif self.draft() is None:
            self.end_with(None, arrive)
        else:
            self.in_background(self.leave_if_sure(arrive), group="leave")
