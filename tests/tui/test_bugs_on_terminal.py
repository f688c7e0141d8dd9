"""The program with a bug in it, on a real terminal: it tells of it, and goes on or says why not."""

from __future__ import annotations

import sys

import pytest

from bench.terminal import Terminal
from cli.exit_codes import ExitCode
from cli.failures import LOG_NAME
from tests.delivery.running import hook, opened_desk
from tests.program import Tocsin
from tests.tui.pty import on_terminal

PROGRAM = """
import sys
from cli.main import main
from tui.app import TocsinApp
from tui.screens.webhooks import WebhooksScreen
from tui.widgets.live_table import LiveTable

def broken(*_):
    raise ZeroDivisionError("a secret")

def close(screen):
    screen.app._close_messages_no_wait()

{bug}
sys.exit(main())
"""
PASTE = "\x1b[200~x\x1b[201~"
TOLD = "Something went wrong"


def program_with(tocsin: Tocsin, bug: str) -> Terminal:
    """The program, at the list of a store with a webhook."""
    with opened_desk(tocsin.db) as desk:
        desk.add(hook("http://127.0.0.1:1/x", name="siem"))
    tocsin.command = (sys.executable, "-P", "-c", PROGRAM.format(bug=bug))
    return on_terminal(tocsin)


@pytest.mark.parametrize(
    ("bug", "keys"),
    [
        ("WebhooksScreen.action_invert = broken", "S"),
        ("TocsinApp.action_help = broken", "?"),
        ("LiveTable.on_paste = broken", PASTE),
        ("WebhooksScreen.on_paste = broken", PASTE),
        ("TocsinApp.on_paste = broken", PASTE),
    ],
    ids=["action", "action of the app", "widget", "screen", "app"],
)
def test_after_a_bug_every_key_works_as_before(tocsin: Tocsin, bug: str, keys: str) -> None:
    with program_with(tocsin, bug) as terminal:
        terminal.read_until("siem")
        terminal.send(keys)
        terminal.read_until(TOLD)
        terminal.send("q")
        terminal.read_until(lambda text: TOLD not in text)
        terminal.send(" ")
        terminal.read_until("1 marked")
        terminal.send("2")
        terminal.read_until("Nothing was sealed")
        terminal.send("1")
        terminal.read_until("siem")
        terminal.send(keys)
        terminal.read_until(TOLD)
        terminal.send("q")
        terminal.read_until(lambda text: TOLD not in text)
        terminal.send("\x11")
        terminal.read_until("Quit?")
        terminal.send("y")
        assert terminal.end() == ExitCode.OK
    log = (tocsin.db.parent / LOG_NAME).read_text()
    assert log.count("builtins.ZeroDivisionError") == 2
    assert "a secret" not in log


def test_a_screen_that_ends_by_itself_says_that_this_is_a_bug(tocsin: Tocsin) -> None:
    with program_with(tocsin, "WebhooksScreen.action_invert = close") as terminal:
        terminal.read_until("siem")
        terminal.send("S")
        assert terminal.end() == ExitCode.BUG
        assert "tocsin: the screen ended by itself: this is a bug in tocsin" in terminal.cells.text


@pytest.mark.parametrize("part", ["on_load", "on_mount"])
def test_a_bug_at_the_start_ends_with_its_place(tocsin: Tocsin, part: str) -> None:
    with program_with(tocsin, f"TocsinApp.{part} = broken") as terminal:
        assert terminal.end() == ExitCode.BUG
        assert "this is a bug in tocsin: ZeroDivisionError at" in terminal.cells.text
