"""Dialogs: a question with its costs, a menu, and the name of a file to write."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import msgspec
from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Input, Static

from domain.safe import safe
from domain.wording import size_text
from tui.key_names import ENTER, key_of, keys_do, with_key
from tui.questions import Question
from tui.terminal.overlays import DialogScreen
from tui.widgets.inputs import VisibleInput
from tui.widgets.notices import show_notice


class Buttons(Horizontal):
    """A row of buttons; they stand one below the other where the row is too narrow."""

    def on_resize(self) -> None:
        buttons = self.query(Button)
        needed = sum(button.outer_size.width + button.styles.margin.width for button in buttons)
        self.set_class(needed - GAP > self.size.width, "stacked")


GAP = 2
"""Columns between two buttons, and so behind the last."""


class ConfirmScreen(DialogScreen[bool]):
    """A question; ends with True only if the answer is yes. Cancel has the focus."""

    YES_KEY: ClassVar[str] = "confirm.yes"
    NO_KEY: ClassVar[str] = "confirm.no"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "yes", id="confirm.yes"),
        Binding("n,q,escape", "answer(False)", "no", id="confirm.no"),
        Binding("left,right,h,l", "app.focus_next", "other button", show=False, id="confirm.other"),
    ]

    def __init__(self, question: Question) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(Text(safe(self._question.text), style="bold"))
            for line in self._question.lines:
                yield Static(Text(safe(line)))
            with Buttons():
                no = Text(safe(with_key(self._question.no, key_of(self, self.NO_KEY))))
                yield Button(no, id="no", compact=True)
                yes = Text(safe(with_key(self._question.yes, key_of(self, self.YES_KEY))))
                yield Button(yes, id="yes", variant="error", compact=True)

    def on_mount(self) -> None:
        self.query_one("#no", Button).focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.dismiss(event.button.id == "yes")

    def action_answer(self, yes: bool) -> None:
        """Answer by key."""
        self.dismiss(yes)


class Choice(msgspec.Struct, frozen=True):
    """A key of a menu, and what it chooses."""

    key: str
    text: str


class MenuScreen(DialogScreen[str]):
    """A menu; ends with the key that was chosen, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,escape", "dismiss(None)", "close", id="menu.close"),
        Binding("down,j", "app.focus_next", "next", show=False, id="menu.next"),
        Binding("up,k", "app.focus_previous", "previous", show=False, id="menu.previous"),
    ]

    def __init__(self, title: str, choices: Sequence[Choice]) -> None:
        super().__init__()
        self._title_text = title
        self._choices = choices

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog menu"):
            yield Static(Text(safe(self._title_text), style="bold"))
            for choice in self._choices:
                yield Button(
                    Text(f"{choice.key}  {choice.text}"), id=f"choice-{choice.key}", compact=True
                )

    def on_key(self, event: events.Key) -> None:
        if event.key in [choice.key for choice in self._choices]:
            event.stop()
            self.dismiss(event.key)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.dismiss((event.button.id or "").removeprefix("choice-"))


class NotWritten(Exception):
    """A file that could not be written; the text is the reason, for people."""


async def write_new(path: str, data: bytes) -> str:
    """Write a new file that only its owner can read; return a notice. Raises NotWritten."""
    try:
        written = await asyncio.to_thread(_write, path, data)
    except FileExistsError:
        raise NotWritten(f"{path} is there already: choose another name") from None
    except RuntimeError:
        raise NotWritten(f"cannot write {path}: there is no such user") from None
    except OSError as error:
        raise NotWritten(f"cannot write {path}: {error.strerror}") from None
    return f"wrote {size_text(len(data))} to {written}"


def _write(path: str, data: bytes) -> Path:
    """Write the file and return its absolute path."""
    file_path = Path(path).expanduser().absolute()
    descriptor = os.open(file_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    return file_path


LONGEST = 300
"""Longest reason in characters, with the path in it."""


class SaveScreen(DialogScreen[bool]):
    """A question for the name of a new file, which it writes; ends with True if that is done.

    A path that cannot be written to stays, to be mended.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "cancel", id="save.cancel"),
    ]

    def __init__(self, name: str, data: bytes) -> None:
        super().__init__()
        self._suggested = name
        self._data = data

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            keys = keys_do((ENTER, "writes"), (key_of(self, "save.cancel"), "cancels"))
            yield Static(Text(f"Write to which file?   ({keys})", style="bold"))
            yield VisibleInput(self._suggested, max_length=4096, id="save-path")
            yield Static(Text(""), id="save-error", classes="error")

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    @on(Input.Submitted)
    async def _entered(self, message: Input.Submitted) -> None:
        path = message.value.strip()
        if not path:
            self.dismiss(False)
            return
        try:
            notice = await write_new(path, self._data)
        except NotWritten as reason:
            self.query_one("#save-error", Static).update(Text(safe(str(reason), LONGEST)))
        else:
            show_notice(self, notice)
            self.dismiss(True)
