"""Keys of the configuration file that cannot be as they are written are told, and where."""

from __future__ import annotations

import asyncio
import tomllib
from pathlib import Path

import pytest

from cli.exit_codes import ExitCode
from tests.support.apps import Bench
from tests.support.documents import DOCS, code_blocks
from tests.support.program import Tocsin
from tests.support.terminals import on_terminal
from tui.key_names import key_of
from tui.shell.keymap import complaints, usable

WRONG = {
    "webhook.add": ("n", '"webhook.add" is no id of a key: perhaps "webhooks.add"'),
    "webhooks.add": ("ctlr+n", 'there is no key "ctlr+n": perhaps "ctrl+n"'),
    "form.save": ("F2", 'there is no key "F2": perhaps "f2"'),
    "deliveries.skip": ("shift+k", "terminals send shift+k as K: write that"),
    "quit": (" ", '"quit" has no key'),
    "webhooks.edit": ("p", '"webhooks.edit" has the key p before "webhooks.pause", which has none'),
    "webhooks.sort": ("1", '"webhooks.sort" has the key 1 before "section.admin", which has none'),
    "webhooks.send": ("pageup", '"table.page-up" has the key pageup before "webhooks.send"'),
    "webhooks.test": ("n", '"webhooks.test" has the key n before "webhooks.send", which keeps r'),
}


@pytest.mark.parametrize("id_", WRONG)
def test_what_is_wrong_is_told(id_: str) -> None:
    keys, told = WRONG[id_]
    [complaint] = complaints({id_: keys})
    assert told in complaint


@pytest.mark.parametrize(
    "keymap",
    [
        {},
        {"webhooks.add": "+", "table.first": "home", "form.save": "ctrl+s, f12"},
        {"webhooks.add": "e", "webhooks.edit": "a"},
        {"table.open": "enter", "deliveries.open": "enter"},
        {"json.open": "m", "table.mark": "m"},
    ],
)
def test_what_can_be_is_not_complained_about(keymap: dict[str, str]) -> None:
    assert complaints(keymap) == []


def test_two_that_were_given_one_key_are_told() -> None:
    [complaint] = complaints({"webhooks.add": "z", "webhooks.edit": "z"})
    assert '"webhooks.add" and "webhooks.edit" both want the key z' in complaint


def test_what_is_no_key_takes_none_away(bench: Bench) -> None:
    keymap = usable({"webhooks.edit": "ctrl+i+x", "webhooks.add": "n, F2", "webhooks.test": " "})
    assert keymap == {"webhooks.add": "n"}

    async def scene() -> None:
        app = bench.app(keymap)
        async with app.run_test():
            shown = [
                key_of(app.screen, f"webhooks.{one}") for one in ("edit", "test", "add", "send")
            ]
            assert shown == ["e", "t", "n", "r"]

    asyncio.run(scene())


def test_the_example_of_the_page_is_right() -> None:
    [example] = code_blocks((DOCS / "keys.md").read_text(encoding="utf-8"), "toml")
    assert complaints(tomllib.loads(example)["keys"]) == []


@pytest.fixture
def wrong_file(tocsin: Tocsin) -> Path:
    """A configuration file with two things wrong in its keys, and a right one."""
    path = tocsin.home / "tocsin.toml"
    path.write_text('[keys]\n"webhook.add" = "n"\n"form.save" = "F2"\n"webhooks.add" = "o"\n')
    tocsin.environment["TOCSIN_CONFIG"] = str(path)
    return path


def test_config_show_tells_of_each(tocsin: Tocsin, wrong_file: Path) -> None:
    done = tocsin.run("config", "show")
    assert done.returncode == ExitCode.OK
    assert f'tocsin: {wrong_file}: [keys]: "webhook.add" is no id of a key' in done.stderr
    assert f'tocsin: {wrong_file}: [keys]: "form.save": there is no key "F2"' in done.stderr


def test_the_screen_opens_with_a_notice(tocsin: Tocsin, wrong_file: Path) -> None:
    with on_terminal(tocsin, size=(120, 30)) as terminal:
        terminal.read_until("[keys]")
        terminal.read_until(lambda text: "No webhooks yet" in text and "✗ " in text)
        assert "more: tocsin config show" in " ".join(terminal.cells.text.split())
        terminal.send("o")
        terminal.read_until("Add webhook")
    said = b"".join(chunk.data for chunk in terminal.chunks).split(b"\x1b[?1049h")[0]
    assert f'tocsin: {wrong_file}: [keys]: "webhook.add" is no id'.encode() in said
