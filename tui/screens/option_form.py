"""Form that is made from options: checked while typing, and saved by one request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

import msgspec
from rich.text import Text
from textual import events, on
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input, Select

from domain.errors import FieldError
from domain.options import SWITCH, Default, Kind
from domain.safe import safe
from tui.key_names import key_of
from tui.questions import Question
from tui.screens.dialogs import ConfirmScreen
from tui.screens.forms import BETWEEN_FIELDS, EndingScreen
from tui.screens.quitting import LOST
from tui.state.live_report import LiveReport
from tui.state.store_access import Refused, StoreAccess
from tui.widgets.inputs import Dropdown, Field, VisibleInput
from tui.widgets.lines import StaticText

LONGEST = 1_000


class FormField(msgspec.Struct, frozen=True):
    """A field of the form: an option, its first text, and whether it is required or hidden."""

    default: Default
    text: str
    required: bool = False
    hidden: bool = False

    @property
    def name(self) -> str:
        """The option's name."""
        return self.default.name

    @property
    def shown(self) -> str:
        """The text, harmless for the terminal; if it is not changed, the text itself is kept."""
        return safe(self.text, LONGEST)

    @property
    def help(self) -> str:
        """The explanation: what the option is, how it is written, and its default."""
        option = self.default
        nothing = f"; default {self.default.text or 'none'}" if not self.required else ""
        return f"{option.description}: {option.form}{nothing}"


def name_field(check: Callable[[str], str], what: str, text: str) -> FormField:
    """Return the field for a name; `check` returns it as it is kept, or raises FieldError."""

    def parse(typed: str) -> str:
        try:
            return check(typed)
        except FieldError as error:
            raise ValueError(error.reason) from None

    kind = Kind("text", "letters, digits, dots, hyphens and underscores", parse, str)
    return FormField(Default("name", kind, what), text, required=True)


class OptionFields(VerticalScroll, can_focus=False):
    """The boxes of the options; the explanation of the focused box stands under it."""

    def __init__(self, fields: Sequence[FormField]) -> None:
        super().__init__(id="option-fields")
        self._form_fields = {field.name: field for field in fields}

    def compose(self) -> Iterable[Widget]:
        for field in self._form_fields.values():
            label = field.name.replace("_", " ")
            yield Field(label, _control(field), id=f"field-{field.name}")

    def on_mount(self) -> None:
        self.show_messages()

    def texts(self) -> dict[str, str]:
        """Return the texts of all boxes by the names of the options."""
        return {name: self._text(name) for name in self._form_fields}

    def given(self) -> dict[str, str]:
        """Return the texts to keep; an empty box is left out, so that the default holds."""
        return {name: text for name, text in self.texts().items() if text.strip()}

    def wrong(self) -> dict[str, str]:
        """Return what is wrong, by the name of the field."""
        return dict(self._wrong())

    def _wrong(self) -> Iterator[tuple[str, str]]:
        for name, text in self.texts().items():
            field = self._form_fields[name]
            if not text.strip() and not field.required:
                continue
            try:
                field.default.parse(text)
            except FieldError as error:
                yield name, f"{error.reason}; {error.cure}"
            else:
                if not text.strip():
                    yield name, "it is required"

    def show_messages(self, focused: Widget | None = None) -> None:
        """Show under each field what is wrong with it, or its explanation if it has the focus."""
        wrong = self.wrong()
        for name, field in self._form_fields.items():
            box = self.query_one(f"#field-{name}", Field)
            if name in wrong and self._text(name):
                box.complain(wrong[name])
            elif focused is not None and box in focused.ancestors:
                box.explain(field.help)
            else:
                box.complain("")

    def focus_first(self, name: str = "") -> None:
        """Put the cursor into a field, or into the first."""
        wanted = name or next(iter(self._form_fields))
        self.query_one(f"#box-{wanted}").focus()

    def _text(self, name: str) -> str:
        box = self.query_one(f"#box-{name}")
        if isinstance(box, Select):
            return str(box.value)
        field, typed = self._form_fields[name], box.value if isinstance(box, Input) else ""
        return field.text if typed == field.shown else typed


def _control(field: FormField) -> Widget:
    id_ = f"box-{field.name}"
    if field.default.kind is SWITCH:
        return Dropdown([("on", "on"), ("off", "off")], field.text or "off", id=id_)
    nothing = "required" if field.required else field.default.text or "none"
    box = VisibleInput(field.shown, placeholder=nothing, max_length=LONGEST, id=id_)
    box.password = field.hidden
    return box


TEXT_LIMIT = 600
SAVING = "it is being saved: wait for it"
LOOKING = "a look is under way: wait for its answer"
NOT_WHAT_IS_TYPED = "; you have typed on since: look again"
NOTHING_TO_LOOK_AT = "there is nothing to look at before it is saved"
Request = Callable[[Mapping[str, str]], Awaitable[Any]]


class Form(msgspec.Struct, frozen=True):
    """Content of a form, and requests that take the texts by the names of the options.

    save: keeps the texts and returns what the screen ends with; raises Refused
    dry_run: looks once with the texts and returns what was seen, with a glyph before it; raises
        Refused. None: nothing to try
    """

    crumb: str
    title: str
    about: str
    fields: Sequence[FormField]
    save: Request
    dry_run: Request | None = None


class OptionFormScreen(EndingScreen, inherit_bindings=False):
    """The form on a screen; ends with what saving returned, or with None."""

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
        *BETWEEN_FIELDS,
    ]

    def __init__(self, access: StoreAccess, live: LiveReport, form: Form) -> None:
        super().__init__(access, live)
        self._form = form
        self._fields = OptionFields(form.fields)
        self._at_first: dict[str, str] = {}
        self._news = ("", False)
        self._busy = self._saving = False

    def crumbs(self) -> str:
        return self._form.crumb

    def body(self) -> Iterable[Widget]:
        with Vertical(classes="panel", id="option-panel"):
            yield StaticText(id="option-about", classes="about")
            yield self._fields
            yield StaticText(id="option-news", classes="news")

    def on_mount(self) -> None:
        self.query_one("#option-panel").border_title = Text(safe(self._form.title))
        self.query_one("#option-about", StaticText).show_text(
            Text(safe(self._form.about, TEXT_LIMIT))
        )
        self._show_news("")
        self._at_first = self._fields.texts()
        self._fields.focus_first()

    def show(self) -> None:
        """Do nothing: the report changes nothing here."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer a look only for a form that can be tried."""
        can_look = self._form.dry_run is not None
        return {"look": can_look, "no_look": not can_look}.get(action, True)

    @on(Input.Changed)
    @on(Select.Changed)
    def _typed(self) -> None:
        self._fields.show_messages(self.focused)
        if not self._busy:
            self._show_news("")  # it was about what is typed no more

    def on_descendant_focus(self, _event: events.DescendantFocus) -> None:
        """Explain the field that is typed into."""
        self._fields.show_messages(self.focused)

    @on(Input.Submitted)
    def _entered(self) -> None:
        self.app.action_focus_next()

    def _show_news(self, text: str, *, bad: bool = False) -> None:
        facts = self.query_one("#option-news", StaticText)
        facts.set_class(bad, "error")
        facts.show_text(Text(safe(f"✗ {text}" if bad else text, TEXT_LIMIT)))
        facts.display = bool(text)

    def action_save(self) -> None:
        """Keep what is typed, or point at what is wrong."""
        if self._is_right() and not self._busy and not self.is_ending:
            self._saving = True
            self.in_background(self._carry_out_form(self._form.save, self._saved), group="form")

    def action_look(self) -> None:
        """Look once with what is typed; what may not be empty is needed only to save."""
        if self._busy:
            self.show_notice(self.busy_notice or LOOKING, bad=True)
        elif self._form.dry_run is not None and self._is_right(to_save=False):
            self._show_news("looking ...")
            self.in_background(self._carry_out_form(self._form.dry_run, self._looked), group="form")

    def action_no_look(self) -> None:
        """Show why there is no look."""
        self.show_notice(NOTHING_TO_LOOK_AT)

    def _is_right(self, *, to_save: bool = True) -> bool:
        texts = self._fields.texts()
        for name, reason in self._fields.wrong().items():
            if not to_save and not texts[name].strip():
                continue
            self._fields.focus_first(name)
            self._show_news(f"{name.replace('_', ' ')}: {reason}", bad=True)
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
            self._show_news(f"{refused}{self._typed_since(given)}", bad=True)
        else:
            await self.live.reread()
            done(result, given)
        finally:
            self._busy = self._saving = False

    def _saved(self, result: Any, _given: Mapping[str, str]) -> None:
        self.end_with(result)

    def _typed_since(self, given: Mapping[str, str]) -> str:
        """Return what to add to the result of a look, if other text is typed now."""
        is_current = self._saving or self._fields.given() == given
        return "" if is_current else NOT_WHAT_IS_TYPED

    def _looked(self, seen: str, given: Mapping[str, str]) -> None:
        self._show_news(f"{seen}{self._typed_since(given)}")

    @property
    def busy_notice(self) -> str:
        return SAVING if self._saving else ""

    @property
    def unsaved_notice(self) -> str:
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
        if self.busy_notice:
            self.show_notice(self.busy_notice, bad=True)
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
