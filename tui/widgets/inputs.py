"""Inputs of a form: fields, text boxes and drop-downs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from rich.highlighter import Highlighter
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widget import Widget
from textual.widgets import Input, OptionList, Select, Static, TextArea
from textual.widgets.text_area import Selection

from domain.safe import safe
from tui.terminal.private_parts import are_known

LIMIT = 600
MARKS = {"wrong": "✗ ", "warned": "! "}
MOST_LINES = 3
"""The most lines that the errors of one field take."""


class Field(Vertical):
    """Field of a form: its label, its controls, and a line for a message while there is one."""

    def __init__(self, label: str, *controls: Widget, id: str | None = None) -> None:
        super().__init__(id=id, classes="field")
        self._label = label
        self._controls = controls
        self._message = Static(classes="field-message")
        self._message.display = False
        self._shown = ""

    def compose(self) -> ComposeResult:
        with Horizontal(classes="field-row"):
            yield Static(Text(self._label), classes="field-label")
            yield from self._controls
        yield self._message

    def offer(self, is_offered: bool) -> None:
        """Show the field only while it has a meaning; one that appears is scrolled into view."""
        comes_up = is_offered and not self.display
        self.display = is_offered
        if comes_up:
            self.call_after_refresh(self.scroll_visible)

    def explain(self, text: str) -> None:
        """Show what the value means."""
        self._show_message(text)

    def warn(self, text: str) -> None:
        """Show what will go wrong with a value that can be saved."""
        self._show_message(text, "warned")

    def complain(self, errors: str) -> None:
        """Show errors, one a line; "" takes the message away."""
        lines = errors.split("\n")
        more = [f"... and {len(lines) - MOST_LINES + 1} more"]
        shown = lines if len(lines) <= MOST_LINES else lines[: MOST_LINES - 1] + more
        self._show_message("\n".join(shown), "wrong")

    def _show_message(self, text: str, tone: str = "") -> None:
        message = self._message
        message.set_classes(f"field-message {tone}".rstrip())
        shown = MARKS.get(tone, "") + safe(text, LIMIT, keep_newlines=True) if text else ""
        if shown == self._shown:
            return
        self._shown = shown
        message.update(Text(shown))
        message.display = bool(text)
        if text and self.has_focus_within:
            message.call_after_refresh(message.scroll_visible)


class InputLine(Input):
    """Textual's Input, with the keys for both ends that boxes of several lines have."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+home", "home", "start", show=False),
        Binding("ctrl+end", "end", "end", show=False),
    ]

    def __init__(self, value: str = "", *, select_on_focus: bool = False, **more: Any) -> None:
        super().__init__(value, compact=True, select_on_focus=select_on_focus, **more)
        self.cursor_blink = False


MOST_UNDONE = 50
STAND_IN = "\N{REPLACEMENT CHARACTER}"


def shown(text: str) -> str:
    """Return a text with a stand-in for each character that must not reach a terminal.

    Its length stays, so that the cursor stands right.
    """
    if safe(text, len(text)) == text:
        return text
    return "".join(
        character if character == "\t" or safe(character) == character else STAND_IN
        for character in text
    )


class _Shown(Highlighter):
    """Highlighter that shows `shown` of a value, without colours."""

    def __call__(self, text: str | Text) -> Text:
        plain = text if isinstance(text, str) else text.plain
        return Text(shown(plain), no_wrap=True, overflow="ignore", end="")

    def highlight(self, text: Text) -> None:
        """Colour nothing."""


class TextBox(InputLine):
    """Input of one line with an undo, a word at a time."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+z,super+z", "undo", "undo", show=False)]

    def __init__(self, value: str = "", **more: Any) -> None:
        self._before: list[str] = []
        super().__init__(value, highlighter=_Shown(), **more)
        self._before.clear()

    def validate_value(self, value: str) -> str:
        """Keep the value before for the undo, unless it only grows within a word."""
        if value != self.value and not (self._before and _grows(self.value, value)):
            self._before.append(self.value)
            del self._before[:-MOST_UNDONE]
        return value

    def rewrite(self, change: Callable[[str], str]) -> None:
        """Change the text and every one that the undo keeps."""
        was_at_end = self.cursor_position >= len(self.value)
        before = list(map(change, self._before))
        with self.prevent(InputLine.Changed):
            self.value = change(self.value)
        self._before = before
        self.cursor_position = len(self.value) if was_at_end else self.cursor_position

    def action_undo(self) -> None:
        """Undo the last change."""
        if self._before:
            before = self._before[:-1]
            self.value = self._before[-1]
            self._before = before
            self.cursor_position = len(self.value)


def _grows(before: str, after: str) -> bool:
    """Return True if a letter or digit was added at the end."""
    return after[:-1] == before and after[-1].isalnum()


class NameValueBox(TextArea):
    """Box of pairs, "Name: value" a line; names are coloured, lines without a colon marked."""

    COMPONENT_CLASSES: ClassVar[set[str]] = TextArea.COMPONENT_CLASSES | {
        "lines--name",
        "lines--bad",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+home", "start", "start of the text", show=False),
        Binding("ctrl+end", "end", "end of the text", show=False),
    ]

    def __init__(self, text: str = "", **more: Any) -> None:
        super().__init__(text, compact=True, soft_wrap=False, highlight_cursor_line=False, **more)
        self.cursor_blink = False
        self._was_entered = False

    def on_focus(self) -> None:
        """Put the cursor behind the text at first, and where it was later."""
        if not self._was_entered:
            self._was_entered = True
            self.action_end()

    def action_start(self) -> None:
        """Go before the first character."""
        self.move_cursor(self.document.start)

    def action_end(self) -> None:
        """Go behind the last character."""
        self.move_cursor(self.document.end)

    def undo(self) -> None:
        """Undo the last change."""
        self._leave_what_may_go()
        super().undo()

    def redo(self) -> None:
        """Redo the change that was undone."""
        self._leave_what_may_go()
        super().redo()

    def _leave_what_may_go(self) -> None:
        """Move the cursor to the start: Textual fails where its line is gone by the undo."""
        self.selection = Selection.cursor(self.document.start)

    def put(self, text: str) -> None:
        """Show another text; the undo brings the one before back."""
        place = self.cursor_location
        self.history.checkpoint()
        self.replace(text, self.document.start, self.document.end)
        self.history.checkpoint()
        self.move_cursor(place)

    def rewrite(self, change: Callable[[str], str]) -> None:
        """Change the text and every one that the undo keeps."""
        place = self.cursor_location
        texts = [self.text]
        with self.prevent(TextArea.Changed):
            while self.history.undo_stack:
                self.undo()
                texts.append(self.text)
            self.text = change(texts.pop())
            for text in map(change, reversed(texts)):
                if text != self.text:
                    self.put(text)
        self.move_cursor(place)

    def get_line(self, line_index: int) -> Text:
        """Return a line, harmless and coloured."""
        line = Text(shown(self.document.get_line(line_index)), end="", no_wrap=True)
        name, colon, _ = line.plain.partition(":")
        if colon:
            line.stylize(self.get_component_rich_style("lines--name", partial=True), 0, len(name))
        elif name.strip():
            line.stylize(self.get_component_rich_style("lines--bad", partial=True))
        return line


MOST = 200
VISIBLE = (
    r"[^\x00-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]*"
)
"""No control and no invisible character: Textual would hand what is pasted to the terminal."""


class VisibleInput(InputLine):
    """Input of one line that takes visible characters only."""

    def __init__(
        self, value: str = "", *, placeholder: str = "", max_length: int = MOST, id: str
    ) -> None:
        super().__init__(
            value, placeholder=placeholder, max_length=max_length, restrict=VISIBLE, id=id
        )


Options = list[tuple[str, str]]
"""The name and the value of each option."""


class Dropdown(Select[str]):
    """Drop-down list; while it is closed it shows the first line of an option's name.

    A letter goes to the next option that begins with it.
    """

    def __init__(self, options: Options, value: str, *, id: str) -> None:
        super().__init__(
            [(_prompt(name), value) for name, value in options],
            allow_blank=False,
            value=value,
            compact=True,
            id=id,
        )
        self._names = options

    def compose(self) -> ComposeResult:
        if not are_known("drop_down"):
            yield from super().compose()
            return
        from tui.terminal.drop_down import drop_down_parts

        yield from drop_down_parts(self.prompt, self._close)

    def watch_expanded(self, expanded: bool) -> None:
        """Begin the list under the box and end it where the form ends, over whole fields."""
        form = next(
            (parent for parent in self.ancestors if isinstance(parent, VerticalScroll)), None
        )
        if expanded and form is not None:
            width = form.content_region.right - self.region.x
            self.query_one(OptionList).styles.width = max(self.size.width, width)

    def _close(self, index: int | None) -> None:
        """Close the open list, with this option chosen if there is one."""
        if index is not None:
            self.value = self._names[index][1]
        self.expanded = False
        self.screen.set_focus(self)

    def on_key(self, event: events.Key) -> None:
        """Go to the next option with a letter; the open list does so itself."""
        if self.expanded or event.character is None:
            return
        found = self._next_with(event.character.lower())
        if found is not None:
            event.stop()
            self.value = found

    def _next_with(self, letter: str) -> str | None:
        """Return the value of the next option with a first letter, from the top after the last."""
        values = [value for _, value in self._names]
        after = values.index(str(self.value)) + 1
        around = self._names[after:] + self._names[:after]
        return next((value for name, value in around if name[:1].lower() == letter), None)


def _prompt(name: str) -> Text:
    title, _, more = name.partition("\n")
    return Text(title).append(f"\n{more}", "dim") if more else Text(title)
