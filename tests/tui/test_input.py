"""Input of a terminal that is no key and no text: it ends nothing."""

from __future__ import annotations

import pytest

from tests.support.program import Tocsin
from tests.support.running_worker import hook, opened_desk
from tests.support.terminals import on_terminal


@pytest.mark.parametrize(
    "typed",
    [b"\xff", b"\x1b[200~x\xff\xfey\x1b[201~", b"\x1b[1114112u", b"\xed\xa0\x80"],
    ids=["byte", "paste", "key that cannot be", "half a pair"],
)
def test_bytes_that_are_no_text_end_nothing(tocsin: Tocsin, typed: bytes) -> None:
    with opened_desk(tocsin.db) as desk:
        desk.add(hook("http://127.0.0.1:1/x", name="siem"))
    with on_terminal(tocsin) as terminal:
        terminal.read_until("siem")
        terminal.send(typed)
        terminal.send("/")
        terminal.send(typed)
        terminal.send("ie")
        terminal.read_until("esc show all")
        terminal.send("\x1b")
        terminal.read_until(lambda text: "esc show all" not in text)
        terminal.send(" ")
        terminal.read_until("1 marked")


def test_what_is_no_text_stands_in_a_box_as_such(tocsin: Tocsin) -> None:
    with on_terminal(tocsin) as terminal:
        terminal.read_until("No webhooks yet")
        terminal.send("a\t\t\t")
        terminal.send(b"a\xffb")
        terminal.read_until("a\N{REPLACEMENT CHARACTER}b")
