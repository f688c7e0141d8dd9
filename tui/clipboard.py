"""Copying to the admin's own clipboard over SSH, saying which way it went.

In tmux, `tmux load-buffer -w` is the one way that gets out with every configuration; elsewhere it
is OSC 52, which nobody answers: whoever copies once more is shown the text.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from asyncio.subprocess import DEVNULL, PIPE
from typing import Any
from weakref import WeakKeyDictionary

from textual.app import App
from textual.screen import Screen

from domain.words import counted
from tui.notices import tell
from tui.screens.copied import CopiedScreen

OSC_52_LIMIT = 74_994
"""What terminals take at most, in bytes before Base64."""


_sent: WeakKeyDictionary[Screen[Any], str] = WeakKeyDictionary()
"""What each screen last sent by OSC 52; asked for once more, it is shown to be copied by hand."""


class CopyingApp(App[int]):
    """Lets what Textual copies by itself, as Ctrl+C in a box does, take the same way."""

    def copy_to_clipboard(self, text: str) -> None:
        """Copy what was selected; Ctrl+V finds it at once, however long the way out takes."""
        self._clipboard = text
        self.run_worker(copy(self.screen, text))


async def copy(screen: Screen[Any], text: str, said: str = "") -> None:
    """Copy a text and tell by which way, never the text: it may be a secret.

    `said` ends the notice with what the text is.
    """
    size = counted(len(text.encode()), "byte")
    if os.environ.get("TMUX"):
        if await _through_tmux(text):
            tell(screen, f"copied {size} through tmux{said}")
        else:
            screen.app.push_screen(CopiedScreen(text, "tmux did not take the text"))
    elif len(text.encode()) > OSC_52_LIMIT:
        screen.app.push_screen(CopiedScreen(text, "It is too long for the terminal's clipboard"))
    elif _sent.get(screen) == text:
        del _sent[screen]
        screen.app.push_screen(CopiedScreen(text, "To copy it by hand"))
    else:
        _sent[screen] = text
        App.copy_to_clipboard(screen.app, text)
        arrives = "if they did not arrive, copy once more"
        tell(screen, f"sent {size} to the terminal (OSC 52); {arrives}{said}")


async def _through_tmux(text: str) -> bool:
    program = shutil.which("tmux")
    if program is None:
        return False
    process = await asyncio.create_subprocess_exec(
        program, "load-buffer", "-w", "-", stdin=PIPE, stdout=DEVNULL, stderr=DEVNULL
    )
    await process.communicate(text.encode())
    return process.returncode == 0
