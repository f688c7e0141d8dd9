"""Panel of the fields of a webhook: it shows texts and gives them back, and checks nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Collapsible, Input, Select, Static, TextArea

from delivery.report import at_interval_0
from domain.event_types import EventType
from domain.settings import BY_NAME, RETRY_WITHOUT_INTERVAL_MS, Settings, value_of
from domain.times import format_duration
from tui.webhook_form.secrets import SecretChoice
from tui.webhook_form.texts import (
    ACTIVE,
    ALL_KEPT,
    INACTIVE,
    LABELS,
    NOW,
    SINCE,
    FormTexts,
    labels_of,
)
from tui.widgets.inputs import Dropdown, Field, NameValueBox, Options, TextBox

STATES: Options = [("Active", ACTIVE), ("Inactive", INACTIVE)]
STARTS: Options = [
    ("now: what is accepted from now on", NOW),
    ("start: all kept events", ALL_KEPT),
    ("since a time", SINCE),
]
INACTIVE_MEANS = "\nInactive: it collects and sends nothing."
ADVANCED = "Advanced"
LIMITS_AND_CA_FILE = ("max_bytes", "interval", "retry_interval", "ca_file")
NOT_SIGNED = "not signed"
HEADERS_HINT = "one a line, as  Authorization: Bearer abc"
EXTRA_FIELDS_HINT = "one a line, as  source: tocsin  added to each event"


class WebhookFieldsPanel(VerticalScroll, can_focus=False):
    """Every field below the other, the rarer ones behind a fold."""

    class Changed(Message):
        """Something was typed or chosen."""

    def __init__(
        self,
        texts: FormTexts,
        settings: Settings,
        secrets: Options,
        folded: Iterable[str],
        *,
        adding: bool,
    ) -> None:
        """Make the panel; `folded` are the fields behind the fold in which something stands."""
        super().__init__(id="webhook-fields")
        self._first = texts
        self._settings = settings
        self._secrets = secrets
        self._adding = adding
        self._folded = set(folded)
        self._controls: dict[str, Widget] = {}
        self._fields: dict[str, Field] = {}

    def compose(self) -> ComposeResult:
        yield Horizontal(
            self._field("type", self._select("type", _types())),
            self._field("state", self._select("state", STATES)),
            id="type-and-state",
        )
        yield Static(id="type-means")
        yield self._box("name", "optional; can be used wherever an id is")
        yield self._box("url", "https://example.com/webhooks/123")
        yield self._lines("headers", HEADERS_HINT)
        yield self._lines("extra_fields", EXTRA_FIELDS_HINT)
        yield self._limit("max_events")
        yield Collapsible(
            *self._advanced(),
            title=self._fold_title(is_open=False),
            id="advanced",
            collapsed_symbol="▸",
            expanded_symbol="▾",
        )

    def on_mount(self) -> None:
        self._explain()

    def on_resize(self) -> None:
        """Keep the focused field in view, also where a notice takes room away."""
        focused = self.screen.focused
        if focused is not None and self in focused.ancestors:
            focused.call_after_refresh(focused.scroll_visible, animate=False)

    @property
    def values(self) -> dict[str, Any]:
        """The text of each field, as shown, by the name of the field."""
        return {name: _read(control) for name, control in self._controls.items()}

    def put(self, texts: FormTexts) -> None:
        """Show other texts; a control whose text is the same is left alone."""
        for name, control in self._controls.items():
            text = getattr(texts, name)
            if text != _read(control):
                _write(control, text)

    def complain(self, errors: Mapping[str, str], warnings: Mapping[str, str]) -> None:
        """Show these errors and warnings at their fields and none anywhere else."""
        for name, field in self._fields.items():
            if isinstance(self._controls[name], Select):
                continue
            if name in errors:
                field.complain(errors[name])
            else:
                field.warn(warnings.get(name, ""))

    def show_secret(self, text: str) -> None:
        """Show the secrets below the choice about them."""
        self._fields["secret"].explain(text)

    def focus_field(self, name: str) -> None:
        """Bring a field into view and let it be typed into."""
        self._unfold(name)
        self.screen.set_focus(self._controls[name])  # `focus()` would let the next key overtake it

    def bring_into_view(self, name: str) -> None:
        """Bring a field into view; the focus stays where it is."""
        self._unfold(name)
        field = self._fields[name]
        field.call_after_refresh(field.scroll_visible)

    def say_what_is_folded(self, names: Iterable[str]) -> None:
        """Name in the title of the fold those of its fields in which something stands, else all."""
        self._folded = set(names)
        self._show_fold()

    @on(Collapsible.Toggled)
    def _show_fold(self) -> None:
        """Say in the title what is folded away; open it needs no summary."""
        fold = self.query_one(Collapsible)
        fold.title = self._fold_title(is_open=not fold.collapsed)

    def _fold_title(self, *, is_open: bool) -> str:
        if is_open:
            return ADVANCED
        start = ("start",) if self._adding else ()
        there = labels_of((*LIMITS_AND_CA_FILE, *start))
        listed = f"set: {labels_of(self._folded)}" if self._folded else there
        unsigned = "" if "secret" in self._folded else f"; {NOT_SIGNED}"
        return f"{ADVANCED}   {listed}{unsigned}"

    def _unfold(self, name: str) -> None:
        if any(isinstance(ancestor, Collapsible) for ancestor in self._controls[name].ancestors):
            self.query_one(Collapsible).collapsed = False

    def rewrite(self, name: str, change: Callable[[str], str]) -> None:
        """Change how a field is shown, also the texts that can be taken back to."""
        control = self._controls[name]
        if isinstance(control, NameValueBox | TextBox):
            control.rewrite(change)

    @on(Input.Changed)
    @on(TextArea.Changed)
    @on(Select.Changed)
    def _changed(self, event: Message) -> None:
        event.stop()
        self._explain()
        self.post_message(self.Changed())

    def _explain(self) -> None:
        values = self.values
        meaning = EventType(values["type"]).description
        if values["state"] == INACTIVE:
            meaning += INACTIVE_MEANS
        self.query_one("#type-means", Static).update(Text(meaning))
        self._fields["own_secret"].offer(values["secret"] == SecretChoice.OWN)
        if self._adding:
            self._fields["since"].offer(values["start"] == SINCE)

    def _advanced(self) -> Iterable[Widget]:
        yield self._limit("max_bytes")
        yield self._limit("interval", f"; 0s: {at_interval_0(self._settings.linger_ms)}")
        yield self._retry_interval()
        yield self._box("ca_file", "the system's; or a PEM file, as /etc/ssl/own.pem")
        yield self._field("secret", self._select("secret", self._secrets))
        own = TextBox(self._first.own_secret, password=True, id="box-own_secret")
        own.placeholder = "whsec_..."
        yield self._field("own_secret", own, label="")
        if self._adding:
            yield self._field("start", self._select("start", STARTS))
            yield self._box(
                "since", "2026-11-24T08:00:00Z, or how long ago: 90s, 3m, 1h, 1d", label=""
            )

    def _field(self, name: str, control: Widget, *, label: str | None = None) -> Field:
        self._controls[name] = control
        label = LABELS[name] if label is None else label
        self._fields[name] = field = Field(label, control, id=f"field-{name}")
        return field

    def _box(self, name: str, placeholder: str, *, label: str | None = None) -> Field:
        box = TextBox(getattr(self._first, name), placeholder=placeholder, id=f"box-{name}")
        return self._field(name, box, label=label)

    def _limit(self, name: str, more: str = "") -> Field:
        setting = BY_NAME[name]
        default = setting.format(value_of(self._settings, setting))
        return self._box(name, f"{default} (the setting){more}")

    def _retry_interval(self) -> Field:
        if self._settings.retry_interval_ms is not None:
            return self._limit("retry_interval")
        span = format_duration(RETRY_WITHOUT_INTERVAL_MS)
        return self._box("retry_interval", f"the interval; {span} where that is 0s")

    def _lines(self, name: str, hint: str) -> Field:
        lines = NameValueBox(getattr(self._first, name), placeholder=hint, id=f"box-{name}")
        return self._field(name, lines)

    def _select(self, name: str, options: Options) -> Dropdown:
        return Dropdown(options, getattr(self._first, name), id=f"box-{name}")


def _read(control: Widget) -> str:
    if isinstance(control, TextArea):
        return control.text
    return str(control.value) if isinstance(control, Input | Select) else ""


def _write(control: Widget, text: str) -> None:
    if isinstance(control, NameValueBox):
        control.put(text)
    elif isinstance(control, Input):
        was_at_end = control.cursor_position >= len(control.value)
        control.value = text
        if was_at_end:
            control.cursor_position = len(text)
    elif isinstance(control, Select):
        control.value = text


def _types() -> Options:
    return [(f"{type_.title}\n  {type_.description}", type_.value) for type_ in EventType]
