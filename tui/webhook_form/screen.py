"""Screen of the form: a webhook is added, edited or duplicated, and checked while it is typed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Button

from domain.safe import safe
from tui.key_names import key_of, keys_do
from tui.questions import Question
from tui.screens.dialogs import ConfirmScreen
from tui.screens.forms import BETWEEN_FIELDS, EndingScreen
from tui.shell.clipboard import copy
from tui.state.live_report import LiveReport
from tui.state.store_access import Refused, StoreAccess
from tui.webhook_form.conflicts import find_edits
from tui.webhook_form.draft_keeper import DraftKeeper
from tui.webhook_form.opening import open_form
from tui.webhook_form.panel import WebhookFieldsPanel
from tui.webhook_form.preview import RequestPanel
from tui.webhook_form.saving import ca_file_problem, refused_address_question, save
from tui.webhook_form.session import TESTED, FormSession
from tui.webhook_form.testing import outcome_text, send_test
from tui.widgets.lines import StaticText

SAVING = "it is being saved: the form closes by itself"
NOTHING_HIDDEN = "nothing is hidden in this form"
NOTHING_SHOWN = "no secret is shown: {}"
MAKING_ONE = ("generate and rotate under Advanced", "make one")


class WebhookFormScreen(EndingScreen, inherit_bindings=False):
    """Form of a webhook; ends with `Saved`, or with None if nothing was saved.

    None of its keys can be typed, and each ctrl key has an F key beside it. Tab has priority: the
    app itself then moves the focus, at once.
    """

    takes_keys = False
    BINDINGS: ClassVar[list[BindingType]] = [
        *Screen.BINDINGS,
        Binding("ctrl+s,f2", "save", "save", id="form.save", tooltip="save what is typed"),
        Binding(
            "ctrl+t,f5",
            "test",
            "send a test",
            id="form.test",
            tooltip="send one marked test event with what is typed, without saving",
        ),
        Binding(
            "ctrl+r,f3",
            "reveal",
            "reveal",
            id="form.reveal",
            tooltip="show the hidden URL, header values and secrets, or hide them again; "
            "is recorded",
        ),
        Binding(
            "f4",
            "copy_secret",
            "copy secret",
            id="form.copy",
            tooltip="copy the signing secret that is shown",
        ),
        Binding("escape", "back", "back", id="form.back", tooltip="leave; what is typed is kept"),
        *BETWEEN_FIELDS,
    ]
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012 - Textual types it as an instance variable
        (0, "-tiny"),
        (60, "-narrow"),
        (110, "-beside"),
    ]

    def __init__(
        self,
        access: StoreAccess,
        live: LiveReport,
        *,
        editing: int | None = None,
        copy_of: int | None = None,
    ) -> None:
        super().__init__(access, live)
        self._editing = editing
        self._copy_of = copy_of
        self._refusal = ""
        self._is_saving = False
        self._session: FormSession | None = None
        self.draft_keeper = DraftKeeper(self)

    def crumbs(self) -> str:
        word = "Add" if self._editing is None else "Edit"
        return word if self._copy_of is None else "Duplicate"

    def body(self) -> Iterable[Widget]:
        with Horizontal(id="form-columns"):
            with Vertical(classes="panel", id="form-panel"):
                yield StaticText(id="form-notice", classes="notice")
                with Horizontal(id="form-buttons"):
                    yield Button("Save", id="save", variant="primary", compact=True)
                    yield Button("Send a test", id="test", compact=True)
                    yield Button("Cancel", id="cancel", compact=True)
                    yield StaticText(id="form-todo", classes="todo")
            yield RequestPanel()

    def on_mount(self) -> None:
        self.query_one("#form-notice").display = False
        self.in_background(self._open(), group="open")

    async def _open(self) -> None:
        report = self.live.report
        try:
            base, source = await open_form(self.access, self._editing, self._copy_of)
        except Refused as refused:
            self.show_notice(str(refused), bad=True)
            self.end_with(None)
            return
        of_copy = self._copy_of is not None
        self._session = session = FormSession(self.access, report, base, source, of_copy=of_copy)
        frame = self.query_one("#form-panel")
        frame.border_title = Text(safe(session.title))
        await frame.mount(session.panel, before=0)
        session.panel.focus_field("url" if self._editing else "type")
        session.read_again()
        self.show()
        try:
            draft = await self.draft_keeper.offer(session)
            if draft is not None:
                session.go_on_with(draft)
                await self._catch_up(session, draft.revision)
        finally:
            self.take_keys()

    @on(WebhookFieldsPanel.Changed)
    def _typed_into(self) -> None:
        if self._session is not None and self._session.read_again():
            self.draft_keeper.keep_soon()
            self.show()

    def show(self) -> None:
        session = self._session
        if session is None:
            return
        is_busy = self._is_saving or self.draft_keeper.is_offering
        if not is_busy and session.is_overtaken(self.live.report):
            self.in_background(self._catch_up(session, session.revision), group="catch up")
        notices = filter(None, (self._refusal, session.news, session.fate(self.live.report)))
        self._show_line("#form-notice", "\n".join(notices))
        self._show_line("#form-todo", "saving ..." if self._is_saving else session.problem)
        button = self.query_one("#save", Button)
        button.disabled = session.first_wrong() is not None
        if str(button.label) != session.save_word:
            button.label = session.save_word
            button.refresh(layout=True)
        self.query_one(RequestPanel).show(session.webhook, session.settings, self.access.now_ms())

    def _show_line(self, selector: str, text: str) -> None:
        facts = self.query_one(selector, StaticText)
        facts.show_text(Text(safe(text, keep_newlines=True)))
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

    async def _save(self, session: FormSession) -> None:
        """Save; nothing can be typed meanwhile, since it would be neither saved nor kept."""
        focused = self.focused
        session.panel.disabled = True
        self.show()
        problem = ""
        try:
            problem = await ca_file_problem(session.reading.fields.ca_file)
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

    async def _store(self, session: FormSession) -> None:
        refused = session.newly_refused
        if refused and not await self._is_sure(refused_address_question(refused)):
            return
        done = await save(self.access, session, self._is_sure)
        if done is None:
            return
        saved, sentence = done
        session.is_saved = True
        await self.draft_keeper.drop()
        await self.live.reread()
        self.show_notice(sentence)
        self.end_with(saved)

    async def _catch_up(self, session: FormSession, revision: int | None) -> None:
        """Merge and show what somebody else saved since `revision`."""
        known = session.revision
        edits = await find_edits(self.access, session.editing, revision)
        if edits is not None and session.revision == known:
            self._refusal = ""
            session.go_on_after(*edits)
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

    async def _test(self, session: FormSession) -> None:
        panel = self.query_one(RequestPanel)
        panel.begin_test()
        try:
            outcome = await send_test(self.access, session.webhook, session.settings)
            panel.end_test(outcome_text(outcome))
        except Refused as refused:
            panel.end_test(Text(safe(str(refused))))

    async def action_reveal(self) -> None:
        """Show or hide the URL, header values and secrets."""
        session = self._session
        if session is None or not session.has_hidden:
            self.show_notice(NOTHING_HIDDEN)
            return
        try:
            await session.reveal()
        except Refused as refused:
            self.show_notice(str(refused), bad=True)

    def action_copy_secret(self) -> None:
        """Copy the secret that is shown."""
        secret = self._session.shown_secret if self._session else ""
        if secret:
            self.in_background(copy(self, secret), group="copy")
        else:
            reveal = key_of(self, "form.reveal"), "reveals it"
            self.show_notice(NOTHING_SHOWN.format(keys_do(reveal, MAKING_ONE)))

    def action_back(self) -> None:
        """Leave; ask if something was typed."""
        self._leave()

    async def leave_for(self, arrive: Callable[[], Awaitable[None]]) -> None:
        self._leave(arrive)

    def _leave(self, arrive: Callable[[], Awaitable[None]] | None = None) -> None:
        if self._is_saving:
            self.show_notice(SAVING)
        elif self.unsaved_notice:
            self.in_background(self._leave_if_sure(arrive), group="leave")
        else:
            self.end_with(None, arrive)

    async def _leave_if_sure(self, arrive: Callable[[], Awaitable[None]] | None) -> None:
        fate = self.draft_keeper.fate
        question = Question("Leave without saving?", (fate,), yes="Leave", no="Keep editing")
        if await self._is_sure(question):
            self.end_with(None, arrive)

    async def _is_sure(self, question: Question) -> bool:
        return await self.app.push_screen_wait(ConfirmScreen(question))

    @property
    def unsaved_notice(self) -> str:
        is_typed = self._session is not None and self._session.draft() is not None
        return self.draft_keeper.fate if is_typed else ""

    async def on_unmount(self) -> None:
        await self.draft_keeper.close()
