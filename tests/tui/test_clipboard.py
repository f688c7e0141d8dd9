"""What is copied leaves the terminal by the way that the notice names."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from tests.tui.helpers import Bench, told
from tests.tui.test_webhook_form import Form, form
from tui.widgets.text_boxes import TextBox

URL = "https://example.com/webhooks/123"


@pytest.fixture
def tmux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tmux that writes what it is given into this file."""
    program, taken = tmp_path / "bin" / "tmux", tmp_path / "taken"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ncat > {taken}.part && mv {taken}.part {taken}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("TMUX", f"{tmp_path}/socket,1,0")
    return taken


async def _selected(shown: Form) -> None:
    await shown.write("url", URL)
    shown.app.screen.query_one("#box-url", TextBox).focus().action_select_all()
    await shown.settle()


@pytest.mark.parametrize(("key", "left"), [("ctrl+c", URL), ("ctrl+x", "")])
def test_what_a_box_copies_goes_through_tmux_too(
    bench: Bench, tmux: Path, key: str, left: str
) -> None:
    async def scene() -> None:
        async with form(bench) as shown:
            await _selected(shown)
            await shown.press(key)
            async with asyncio.timeout(30):
                while "copied 32 bytes through tmux" not in told(shown.app):
                    await shown.pilot.pause(0.01)
            assert shown.value("url") == left
            await shown.write("url", "")
            await shown.press("ctrl+v")
            assert shown.value("url") == URL

    asyncio.run(scene())
    assert tmux.read_text() == URL


def test_what_a_box_copies_without_tmux_is_told(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TMUX", raising=False)

    async def scene() -> None:
        async with form(bench) as shown:
            await _selected(shown)
            await shown.press("ctrl+c")
            assert told(shown.app)[-1].startswith("sent 32 bytes to the terminal (OSC 52)")
            assert shown.app.clipboard == URL

    asyncio.run(scene())
