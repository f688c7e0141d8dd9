"""The fields of a form that is made from a table of options, each checked while it is typed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Input, Select

from domain.field_errors import FieldError
from domain.options import Default, Option
from domain.safe import safe
from domain.setting_kinds import SWITCH, Kind
from tui.widgets.dropdown import Dropdown
from tui.widgets.field import Field
from tui.widgets.visible_input import VisibleInput

LONGEST = 1_000


@dataclass(frozen=True, slots=True)
class Asked:
    """One field: an option, what is in its box at first, whether it may not be empty or be seen."""

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
        """The text as it can be shown; as long as it stays so, the text itself is what is kept."""
        return safe(self.text, LONGEST)

    @property
    def help(self) -> str:
        """What it is, how it is written, and what holds where nothing is."""
        option = self.default.option
        bounds = f", {option.range}" if option.range else ""
        nothing = f"; default {self.default.text or 'none'}" if not self.required else ""
        return f"{option.description}: {option.kind.form}{bounds}{nothing}"


def name_asked(check: Callable[[str], str], what: str, text: str) -> Asked:
    """The field for a name, which `check` reads or raises FieldError."""

    def parse(typed: str) -> str:
        try:
            return check(typed)
        except FieldError as error:
            raise ValueError(error.reason) from None

    kind = Kind("text", "letters, digits, dots, hyphens and underscores", parse, str)
    return Asked(Default(Option("name", kind, what), ""), text, required=True)


class OptionFields(VerticalScroll, can_focus=False):
    """A box for each option; under the one that is typed into stands what it means."""

    def __init__(self, asked: Sequence[Asked]) -> None:
        super().__init__(id="option-fields")
        self._asked = {one.name: one for one in asked}

    def compose(self) -> Iterable[Widget]:
        for one in self._asked.values():
            yield Field(one.name.replace("_", " "), _control(one), id=f"field-{one.name}")

    def on_mount(self) -> None:
        self.tell()

    def texts(self) -> dict[str, str]:
        """What is in every box."""
        return {name: self._text(name) for name in self._asked}

    def given(self) -> dict[str, str]:
        """What is to be kept: an empty box is the default."""
        return {name: text for name, text in self.texts().items() if text.strip()}

    def wrong(self) -> dict[str, str]:
        """What is wrong, by the name of the field."""
        return dict(self._wrong())

    def _wrong(self) -> Iterator[tuple[str, str]]:
        for name, text in self.texts().items():
            asked = self._asked[name]
            if not text.strip() and not asked.required:
                continue
            try:
                asked.default.option.parse(text)
            except FieldError as error:
                yield name, f"{error.reason}; {error.cure}"
            else:
                if not text.strip():
                    yield name, "it is required"

    def tell(self, focused: Widget | None = None) -> None:
        """Say under each field what is wrong with it, or what it means while it is typed into."""
        wrong = self.wrong()
        for name, asked in self._asked.items():
            field = self.query_one(f"#field-{name}", Field)
            if name in wrong and self._text(name):
                field.complain(wrong[name])
            elif focused is not None and field in focused.ancestors:
                field.explain(asked.help)
            else:
                field.complain("")

    def focus_first(self, name: str = "") -> None:
        """Put the cursor into a field, or into the first."""
        wanted = name or next(iter(self._asked))
        self.query_one(f"#box-{wanted}").focus()

    def _text(self, name: str) -> str:
        box = self.query_one(f"#box-{name}")
        if isinstance(box, Select):
            return str(box.value)
        asked, typed = self._asked[name], box.value if isinstance(box, Input) else ""
        return asked.text if typed == asked.shown else typed


def _control(asked: Asked) -> Widget:
    id_ = f"box-{asked.name}"
    if asked.default.option.kind is SWITCH:
        return Dropdown([("on", "on"), ("off", "off")], asked.text or "off", id=id_)
    nothing = "required" if asked.required else asked.default.text or "none"
    box = VisibleInput(asked.shown, placeholder=nothing, max_length=LONGEST, id=id_)
    box.password = asked.hidden
    return box
