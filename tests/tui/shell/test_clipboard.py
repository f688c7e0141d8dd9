"""Clipboard: a copy leaves the terminal by the way that the notice names."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from textual.widgets import Input

from tests.support.apps import Bench, screen_text, told
from tests.support.waiting import PATIENCE_S
from tests.support.webhook_forms import Form, form
from tui.shell.clipboard import copy
from tui.webhooks.screen import WebhooksScreen
from tui.widgets.inputs import TextBox

LONG = "0123456789" * 8_000
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
            async with asyncio.timeout(PATIENCE_S):
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


async def _long_text_shown(bench: Bench, path: Path) -> str:
    """Copy what is too long for any terminal, write it to a file, and give the words shown."""
    async with bench.running() as (app, pilot):
        await copy(app.screen, LONG)
        await pilot.pause()
        text = " ".join(screen_text(app).split())
        await pilot.press("w")
        app.screen.query_one(Input).value = str(path)
        await pilot.press("enter")
        async with asyncio.timeout(PATIENCE_S):
            while not any(one.startswith("wrote 80.0 kB to ") for one in told(app)):
                await pilot.pause(0.01)
        assert isinstance(app.screen, WebhooksScreen)
        return text


def test_a_text_that_is_cut_says_so_and_can_be_written_whole(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("TMUX", raising=False)
    path = tmp_path / "whole.json"
    text = asyncio.run(_long_text_shown(bench, path))
    assert "only the first 20,000 of 80,000 characters stand here; w writes all of them" in text
    assert path.read_text() == LONG
