"""Clipboard of the admin's own machine, over SSH too.

In tmux, `tmux load-buffer -w` is the one way that gets out with every configuration; elsewhere it
is OSC 52, which nothing answers: the second copy of a text shows it instead.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from asyncio.subprocess import DEVNULL, PIPE
from typing import Any, ClassVar, Protocol, cast
from weakref import WeakKeyDictionary

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from domain.safe import safe
from domain.wording import counted
from tui.key_names import key_of, keys_do
from tui.widgets.notices import show_notice

SHOWN = 20_000
"""Characters of the text that are shown; with more a terminal is slow to take a selection."""

FILE = "copied.txt"


class CopiedScreen(ModalScreen[None]):
    """Panel with a text and no border, so that a selection with the mouse takes nothing else."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w", "write", "write to file", id="copied.write", tooltip="write the whole text"),
        Binding("q,escape", "dismiss(None)", "close", id="copied.close"),
    ]

    def __init__(self, text: str, reason: str) -> None:
        super().__init__()
        self._text = text
        self._reason = reason

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="bare"):
            yield Static(Text(f"{self._reason}: {self._cure()}.\n"))
            yield Static(Text(safe(self._text, SHOWN, keep_newlines=True)))

    def _cure(self) -> str:
        close, write = key_of(self, "copied.close"), key_of(self, "copied.write")
        if len(self._text) <= SHOWN:
            return f"select it{f', then press {close}' if close else ''}"
        shown = f"the first {SHOWN:,} of {counted(len(self._text), 'character')} stand here"
        keys = keys_do((write, "writes all of them to a file"), (close, "closes"))
        return f"only {shown}{f'; {keys}' if keys else ''}"

    def action_write(self) -> None:
        """Let the admin name a file, write the whole text to it, and close."""
        from tui.screens.dialogs import SaveScreen  # nothing that the first screen waits for

        def answered(written: bool | None) -> None:
            if written:
                self.dismiss(None)

        self.app.push_screen(SaveScreen(FILE, self._text.encode()), answered)


OSC_52_LIMIT = 74_994
"""The bytes that terminals take at most, before Base64."""


_sent: WeakKeyDictionary[Screen[Any], str] = WeakKeyDictionary()
"""The text that each screen last sent by OSC 52; copied once more it is shown, to select it."""


class ClipboardApp(Protocol):
    """An app that copies a text by OSC 52 and keeps it for Ctrl+V."""

    def send_to_terminal(self, text: str) -> None:
        """Copy the text."""


async def copy(screen: Screen[Any], text: str, said: str = "") -> None:
    """Copy a text and show the way it took, never the text, which may be a secret.

    `said` ends the notice.
    """
    size = counted(len(text.encode()), "byte")
    if os.environ.get("TMUX"):
        if await _through_tmux(text):
            show_notice(screen, f"copied {size} through tmux{said}")
        else:
            screen.app.push_screen(CopiedScreen(text, "tmux did not take the text"))
    elif len(text.encode()) > OSC_52_LIMIT:
        screen.app.push_screen(CopiedScreen(text, "It is too long for the terminal's clipboard"))
    elif _sent.get(screen) == text:
        del _sent[screen]
        screen.app.push_screen(CopiedScreen(text, "To copy it by hand"))
    else:
        _sent[screen] = text
        cast("ClipboardApp", screen.app).send_to_terminal(text)
        arrives = "if they did not arrive, copy once more"
        show_notice(screen, f"sent {size} to the terminal (OSC 52); {arrives}{said}")


async def _through_tmux(text: str) -> bool:
    program = shutil.which("tmux")
    if program is None:
        return False
    process = await asyncio.create_subprocess_exec(
        program, "load-buffer", "-w", "-", stdin=PIPE, stdout=DEVNULL, stderr=DEVNULL
    )
    await process.communicate(text.encode())
    return process.returncode == 0
