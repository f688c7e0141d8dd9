"""The admin's pager and editor: which they are, and that nothing waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from bench.screen.terminal import Terminal
from tests.support.apps import Bench, told
from tests.support.delivery_scenes import deliver, seen
from tests.support.program import Tocsin
from tests.support.receiver_client import Receiver
from tests.support.running_worker import hook, opened_desk
from tests.support.stores import event, events, fields
from tests.support.terminals import on_terminal
from tui.deliveries import body
from tui.deliveries.body import editor, harmless, pager, pretty
from tui.state.store_access import Refused

READER = """
trap '' INT
echo "reading: $(head -1 "$1")"
stat -c 'mode %a' "$1"
read line
"""


@pytest.mark.parametrize(
    ("environment", "command"),
    [
        ({}, ("less",)),
        ({"PAGER": ""}, ("less",)),
        ({"PAGER": "most -s 'a b'"}, ("most", "-s", "a b")),
        ({"PAGER": "evil", "SUDO_UID": "1000"}, ("less",)),
    ],
)
def test_the_pager(environment: Mapping[str, str], command: tuple[str, ...]) -> None:
    assert pager(environment).command == command


def test_by_sudo_the_pager_starts_nothing_else() -> None:
    assert pager({"SUDO_UID": "1000"}).environment["LESSSECURE"] == "1"
    assert "LESSSECURE" not in pager({}).environment


@pytest.mark.parametrize(
    ("environment", "command"),
    [
        ({}, ("vi",)),
        ({"EDITOR": "nano -v"}, ("nano", "-v")),
        ({"EDITOR": "nano", "VISUAL": "vim"}, ("vim",)),
    ],
)
def test_the_editor(environment: Mapping[str, str], command: tuple[str, ...]) -> None:
    assert editor(environment).command == command


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({"EDITOR": "vim", "SUDO_UID": "1000"}, "as another user"),
        ({"EDITOR": "vim '"}, r"cannot read \$EDITOR"),
    ],
)
def test_an_editor_that_is_refused(environment: Mapping[str, str], reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        editor(environment)


def test_a_pager_gets_no_control_character_and_keeps_its_lines() -> None:
    assert harmless("a\x1b[2J\nb\x9b\u202e\n") == "a\\x1b[2J\nb\\x9b\\u202e\n"


def test_the_body_is_indented_and_spelled_as_it_is_sent() -> None:
    assert pretty(b'[{"a":10.10,"b":"\\u00e9"}]') == (
        '[\n  {\n    "a": 10.10,\n    "b": "\\u00e9"\n  }\n]'
    )


@pytest.mark.parametrize("key", ["|", "e"])
def test_where_no_other_program_can_be_shown_it_says_so(bench: Bench, key: str) -> None:
    deliver(bench, bench.store.add(fields()), 1)

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await pilot.press("2", "enter")
            await seen(app, pilot)
            await pilot.press(key)
            await seen(app, pilot)
            assert "this terminal cannot show another program" in told(app)

    asyncio.run(scene())


def test_a_second_program_waits_for_the_end_of_the_first(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(bench, bench.store.add(fields()), 1)
    opened: list[str] = []

    async def scene() -> None:
        closed = asyncio.Event()

        async def look(_app: object, _program: object, name: str, _text: str) -> None:
            opened.append(name)
            await closed.wait()

        monkeypatch.setattr(body, "show_in_program", look)
        async with bench.running() as (app, pilot):
            await pilot.press("2", "enter")
            await seen(app, pilot)
            await pilot.press("|", "|", "e")
            await pilot.pause()
            assert opened == ["msg_1.txt"]
            closed.set()
            await seen(app, pilot)
            await pilot.press("e")
            await seen(app, pilot)
            assert opened == ["msg_1.txt", "msg_1.json"]

    asyncio.run(scene())


@pytest.mark.parametrize("key", ["|", "e"])
def test_no_program_gets_what_would_steer_a_terminal(tocsin: Tocsin, key: str) -> None:
    got = tocsin.home / "got"
    script = tocsin.home / "copier.sh"
    script.write_text(f'cp "$1" {got}.part; mv {got}.part {got}')
    with opened_desk(tocsin.db) as desk:
        desk.add(hook("http://127.0.0.1:1/x"))
        desk.append(event(1, text="\x9b2J\u202e\u2066"))
    program = f"sh {script}"
    with on_terminal(tocsin, PAGER=program, VISUAL=program, TOCSIN_LINGER="0s") as terminal:
        terminal.send("2")
        terminal.read_until("refused")
        terminal.send("\r")
        terminal.read_until("Attempts ── 1")
        terminal.send(key)
        while not got.exists():
            terminal.read(0.1)
        text = got.read_text(encoding="utf-8")
    assert "\\x9b2J\\u202e\\u2066" in text
    assert all(one == "\n" or one.isprintable() for one in text)


@pytest.mark.parametrize("key", ["|", "e"])
def test_deliveries_go_on_meanwhile(tocsin: Tocsin, receiver: Receiver, key: str) -> None:
    tocsin.environment |= {"TOCSIN_LINGER": "0s", "TOCSIN_INTERVAL": "1s"}
    script = tocsin.home / "reader.sh"
    script.write_text(READER)
    program = f"sh {script}"
    with opened_desk(tocsin.db) as desk:
        desk.add(hook(receiver.url("/ok/paged"), name="paged"))
        desk.append(*events(1, 2))
        with on_terminal(tocsin, PAGER=program, VISUAL=program) as terminal:
            receiver.wait(acked=1)
            terminal.send("2")
            terminal.read_until("200 OK")
            open_with(terminal, key)
            assert "mode 400" in terminal.cells.text
            desk.append(*events(3, 4))
            receiver.wait(acked=2)
            terminal.send("\x03")
            desk.append(*events(5, 6))
            receiver.wait(acked=3)
            terminal.send("\r")
            terminal.read_until("Attempts ── 1")
            terminal.send("q")
            terminal.read_until("3 deliveries")
    assert not left_behind(tocsin.home)


def open_with(terminal: Terminal, key: str) -> None:
    """Open the first delivery, and its request with a program of one's own."""
    terminal.send("\r")
    terminal.read_until("Attempts ── 1")
    terminal.send(key)
    terminal.read_until("reading: POST http" if key == "|" else "reading: [")
    terminal.read_until("mode ")


def left_behind(folder: Path) -> list[Path]:
    return list(folder.glob("tocsin-*"))
