"""The program with a bug in it, on a real terminal: it tells of it, and goes on or says why not."""

from __future__ import annotations

import sys
from functools import partial

import pytest

from bench.screen.terminal import Terminal
from cli.exit_codes import ExitCode
from cli.failures import LOG_NAME
from store import workers
from tests.support.program import Tocsin
from tests.support.receiver_client import Receiver
from tests.support.running_worker import hook, opened_desk
from tests.support.stores import events
from tests.support.terminals import on_terminal
from tests.support.waiting import eventually
from tui.app import TICK_S

PROGRAM = """
import sys
from cli.main import main
from tui.app import TocsinApp
from tui.webhooks.screen import WebhooksScreen
from tui.widgets.live_table import LiveTable

def broken(*_):
    raise ZeroDivisionError("a " + "secret")  # not as it is looked for: 3.13 shows this line

def close(screen):
    screen.app._close_messages_no_wait()

{bug}
sys.exit(main())
"""
PASTE = "\x1b[200~x\x1b[201~"
TOLD = "Something went wrong"


def program_with(tocsin: Tocsin, bug: str, url: str = "http://127.0.0.1:1/x") -> Terminal:
    """The program, at the list of a store with a webhook."""
    with opened_desk(tocsin.db) as desk:
        desk.add(hook(url, name="siem"))
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
        assert terminal.end() == ExitCode.OK
    log = (tocsin.db.parent / LOG_NAME).read_text()
    assert log.count("builtins.ZeroDivisionError") == 2
    assert "a secret" not in log


def test_a_bug_that_comes_again_and_again_counts_once(tocsin: Tocsin) -> None:
    with program_with(tocsin, "WebhooksScreen.action_invert = broken") as terminal:
        terminal.read_until("siem")
        for _ in range(5):
            terminal.send("S")
            terminal.read_until(TOLD)
            terminal.send("q")
            terminal.read_until(lambda text: TOLD not in text)
        terminal.send(" ")
        terminal.read_until("1 marked")


def test_a_bug_at_each_look_has_one_panel(tocsin: Tocsin) -> None:
    log = tocsin.db.parent / LOG_NAME

    def bugs() -> int:
        return log.read_text().count("builtins.ZeroDivisionError") if log.exists() else 0

    def is_told(number: int) -> bool:
        terminal.read(0.05)
        return bugs() >= number and TOLD in terminal.cells.text

    with program_with(tocsin, "TocsinApp.paint = broken") as terminal:
        for number in (1, 2, 3):
            eventually(partial(is_told, number), "there is a panel about it")
            terminal.read_for(3 * TICK_S)
            assert bugs() == number
            terminal.send("q")


ENDINGS = {
    "different bugs": (
        """
def one(*_): raise LookupError
def two(*_): raise ArithmeticError
def three(*_): raise ZeroDivisionError
WebhooksScreen.action_invert, WebhooksScreen.action_sort, TocsinApp.action_help = one, two, three
""",
        ("S", "s", "?"),
        "this is a bug in tocsin: ZeroDivisionError at",
    ),
    "by itself": (
        "WebhooksScreen.action_invert = close",
        ("S",),
        "tocsin: the screen ended by itself: this is a bug in tocsin",
    ),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_screen_that_fails_says_so_and_its_worker_goes_on_sending(
    tocsin: Tocsin, receiver: Receiver, ending: str
) -> None:
    bug, keys, said = ENDINGS[ending]
    tocsin.environment |= {"TOCSIN_LINGER": "0s", "TOCSIN_INTERVAL": "1s"}
    with program_with(tocsin, bug, receiver.url("/ok")) as terminal:
        terminal.read_until("● this terminal")
        for key in keys:
            terminal.send(key)
            terminal.read_until(lambda text: TOLD in text or "Ctrl+C" in text)
            terminal.send("" if key == keys[-1] else "q")
            terminal.read_until(lambda text: TOLD not in text or "Ctrl+C" in text)
        terminal.read_until("its worker goes on sending, and Ctrl+C ends it")
        assert said in terminal.cells.text
        with opened_desk(tocsin.db) as desk:
            desk.append(*events(1, 2))
        receiver.wait("/ok", acked=1)
        terminal.send("\x03")
        assert terminal.end() == ExitCode.BUG
    with opened_desk(tocsin.db) as desk:
        assert desk.call(workers.load_all) == []


@pytest.mark.parametrize("part", ["on_load", "on_mount"])
def test_a_bug_at_the_start_ends_with_its_place(tocsin: Tocsin, part: str) -> None:
    with program_with(tocsin, f"TocsinApp.{part} = broken") as terminal:
        assert terminal.end() == ExitCode.BUG
        assert "this is a bug in tocsin: ZeroDivisionError at" in terminal.cells.text
