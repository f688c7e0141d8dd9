"""A form that is made from a table of options: checked while typing, and saved by one request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from rich.text import Text
from textual import events, on
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input, Select

from domain.safe import safe
from tui.desk import Desk, Refused
from tui.ending import EndingScreen
from tui.keys import key_of
from tui.leaving import LOST
from tui.live import Live
from tui.questions import Question
from tui.screens.confirm import ConfirmScreen
from tui.widgets.facts import Facts
from tui.widgets.option_fields import Asked, OptionFields

TEXT_LIMIT = 600
SAVING = "it is being saved: wait for it"
LOOKING = "a look is under way: wait for its answer"
NOT_WHAT_IS_TYPED = "; you have typed on since: look again"
NOTHING_TO_LOOK_AT = "there is nothing to look at before it is saved"
Request = Callable[[Mapping[str, str]], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Form:
    """What is asked, and what is done with the answers.

    save:  keeps them, and gives what the screen ends with; raises Refused
    tried: looks once with them, and gives what was seen, with its glyph before it; raises Refused.
        None: nothing to try
    """

    crumb: str
    title: str
    about: str
    asked: Sequence[Asked]
    save: Request
    tried: Request | None = None


class OptionFormScreen(EndingScreen, inherit_bindings=False):
    """Ends with what saving gave, or with None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *Screen.BINDINGS,
        Binding("ctrl+s,f2", "save", "save", id="form.save", tooltip="save what is typed"),
        Binding(
            "ctrl+t,f5",
            "look",
            "look once",
            id="option-form.look",
            tooltip="look once with what is typed, and keep nothing",
        ),
        Binding(
            "ctrl+t,f5",
            "no_look",
            "no look",
            show=False,
            id="option-form.look",
            tooltip="there is nothing to look at before it is saved",
        ),
        Binding("escape", "back", "back", id="form.back", tooltip="leave; asks if you typed"),
        Binding("tab", "app.focus_next", "next field", show=False, priority=True, id="form.next"),
        Binding(
            "shift+tab",
            "app.focus_previous",
            "field before",
            show=False,
            priority=True,
            id="form.previous",
        ),
        Binding("f1", "app.help", "help", id="form.help", tooltip="every key of this form"),
    ]

    def __init__(self, desk: Desk, live: Live, form: Form) -> None:
        super().__init__(desk, live)
        self._form = form
        self._fields = OptionFields(form.asked)
        self._at_first: dict[str, str] = {}
        self._news = ("", False)
        self._busy = self._saving = False

    def crumbs(self) -> str:
        return self._form.crumb

    def body(self) -> Iterable[Widget]:
        with Vertical(classes="panel", id="option-panel"):
            yield Facts(id="option-about", classes="about")
            yield self._fields
            yield Facts(id="option-news", classes="news")

    def on_mount(self) -> None:
        self.query_one("#option-panel").border_title = Text(safe(self._form.title))
        self.query_one("#option-about", Facts).tell(Text(safe(self._form.about, TEXT_LIMIT)))
        self._tell_news("")
        self._at_first = self._fields.texts()
        self._fields.focus_first()

    def show(self) -> None:
        """What the report says changes nothing here."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Try only what can be tried."""
        can_look = self._form.tried is not None
        return {"look": can_look, "no_look": not can_look}.get(action, True)

    @on(Input.Changed)
    @on(Select.Changed)
    def _typed(self) -> None:
        self._fields.tell(self.focused)
        if not self._busy:
            self._tell_news("")  # it was about what is typed no more

    def on_descendant_focus(self, _event: events.DescendantFocus) -> None:
        """Explain the field that is typed into."""
        self._fields.tell(self.focused)

    @on(Input.Submitted)
    def _entered(self) -> None:
        self.app.action_focus_next()

    def _tell_news(self, text: str, *, bad: bool = False) -> None:
        facts = self.query_one("#option-news", Facts)
        facts.set_class(bad, "error")
        facts.tell(Text(safe(f"✗ {text}" if bad else text, TEXT_LIMIT)))
        facts.display = bool(text)

    def action_save(self) -> None:
        """Keep what is typed, or point at what is wrong."""
        if self._is_right() and not self._busy and not self.is_ending:
            self._saving = True
            self.in_background(self._carry_out_form(self._form.save, self._saved), group="form")

    def action_look(self) -> None:
        """Look once with what is typed; what may not be empty is needed only to save."""
        if self._busy:
            self.tell(self.under_way or LOOKING, bad=True)
        elif self._form.tried is not None and self._is_right(to_save=False):
            self._tell_news("looking ...")
            self.in_background(self._carry_out_form(self._form.tried, self._looked), group="form")

    def action_no_look(self) -> None:
        """Say why there is no look."""
        self.tell(NOTHING_TO_LOOK_AT)

    def _is_right(self, *, to_save: bool = True) -> bool:
        texts = self._fields.texts()
        for name, reason in self._fields.wrong().items():
            if not to_save and not texts[name].strip():
                continue
            self._fields.focus_first(name)
            self._tell_news(f"{name.replace('_', ' ')}: {reason}", bad=True)
            return False
        return True

    async def _carry_out_form(
        self, request: Request, done: Callable[[Any, Mapping[str, str]], None]
    ) -> None:
        self._busy = True
        given = self._fields.given()
        try:
            result = await request(given)
        except Refused as refused:
            self._tell_news(f"{refused}{self._typed_since(given)}", bad=True)
        else:
            await self.live.look_again()
            done(result, given)
        finally:
            self._busy = self._saving = False

    def _saved(self, result: Any, _given: Mapping[str, str]) -> None:
        self.end_with(result)

    def _typed_since(self, given: Mapping[str, str]) -> str:
        """What to add to the answer to a look that is not about what is typed now."""
        is_current = self._saving or self._fields.given() == given
        return "" if is_current else NOT_WHAT_IS_TYPED

    def _looked(self, told: str, given: Mapping[str, str]) -> None:
        self._tell_news(f"{told}{self._typed_since(given)}")

    @property
    def under_way(self) -> str:
        return SAVING if self._saving else ""

    @property
    def fate_of_typed(self) -> str:
        return LOST if self._is_typed_into else ""

    def action_back(self) -> None:
        """Leave; ask if something was typed."""
        self._leave(None)

    async def leave_for(self, arrive: Callable[[], Awaitable[None]]) -> None:
        self._leave(arrive)

    @property
    def _is_typed_into(self) -> bool:
        return self._fields.texts() != self._at_first and not self.is_ending

    def _leave(self, arrive: Callable[[], Awaitable[None]] | None) -> None:
        if self.under_way:
            self.tell(self.under_way, bad=True)
            return
        if not self._is_typed_into:
            self.end_with(None, arrive)
            return
        save = key_of(self, "form.save")
        lines = (f"{save} saves what you typed.",) if save else ()
        question = Question("Leave without saving?", lines, "Leave")
        self.app.push_screen(ConfirmScreen(question), partial(self._leave_if_sure, arrive))

    def _leave_if_sure(
        self, arrive: Callable[[], Awaitable[None]] | None, yes: bool | None
    ) -> None:
        if yes:
            self.end_with(None, arrive)
