"""Copying to the admin's own clipboard over SSH, saying which way it went.

In tmux, `tmux load-buffer -w` is the one way that gets out with every configuration; elsewhere it
is OSC 52, which nobody answers: then the text is at least on the screen to be copied by hand.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from asyncio.subprocess import DEVNULL, PIPE
from typing import Any

from textual.screen import Screen

from domain.safe import safe
from tui.screens.copied import CopiedScreen

OSC_52_LIMIT = 74_994
"""What terminals take at most, in bytes before Base64."""


async def copy(screen: Screen[Any], text: str) -> None:
    """Copy a text and tell by which way; what is too long is only shown."""
    size = len(text.encode())
    if os.environ.get("TMUX") and await _through_tmux(text):
        screen.notify(f"copied {size} bytes through tmux", markup=False)
    elif size <= OSC_52_LIMIT:
        screen.app.copy_to_clipboard(text)
        screen.notify(f"sent {size} bytes to the terminal (OSC 52): {safe(text, 60)}", markup=False)
    else:
        screen.app.push_screen(CopiedScreen(text))


async def _through_tmux(text: str) -> bool:
    program = shutil.which("tmux")
    if program is None:
        return False
    process = await asyncio.create_subprocess_exec(
        program, "load-buffer", "-w", "-", stdin=PIPE, stdout=DEVNULL, stderr=DEVNULL
    )
    await process.communicate(text.encode())
    return process.returncode == 0
