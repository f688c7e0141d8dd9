"""Keys that come in one go, as from a paste of a terminal or over a slow line."""

from __future__ import annotations

from tests.support.program import Tocsin
from tests.support.running_worker import opened_desk
from tests.support.stores import fields
from tests.support.terminals import on_terminal


def test_text_right_behind_tab_goes_to_the_next_field(tocsin: Tocsin) -> None:
    with on_terminal(tocsin, size=(80, 30)) as terminal:
        terminal.read_until("No webhooks yet")
        terminal.send("a\t\tfirst-name\thttps://example.com/hook\t")
        terminal.read_until(
            lambda text: (
                line_of(text, "Name").endswith("first-name")
                and line_of(text, "URL").endswith("https://example.com/hook")
            )
        )


def test_text_right_behind_a_choice_goes_to_the_next_fields(tocsin: Tocsin) -> None:
    with on_terminal(tocsin, size=(80, 30)) as terminal:
        terminal.read_until("No webhooks yet")
        terminal.send("a\rlog\r\t\rin\r\tfirst-name\thttps://example.com/hook\t")
        terminal.read_until(
            lambda text: (
                line_of(text, "Type").split("▼")[0].split() == ["Type", "Log", "Authn"]
                and "State Inactive" in line_of(text, "Type")
                and line_of(text, "Name").endswith("first-name")
                and line_of(text, "URL").endswith("https://example.com/hook")
            )
        )


def test_text_right_behind_the_key_that_edits_goes_to_the_end_of_the_url(tocsin: Tocsin) -> None:
    with opened_desk(tocsin.db) as desk:
        desk.add(fields(name="siem"))
    with on_terminal(tocsin, size=(80, 30)) as terminal:
        terminal.read_until("siem")
        terminal.send("e1234")
        terminal.read_until(lambda text: line_of(text, "URL").endswith("/hook1234"))


def test_text_right_behind_the_key_of_a_filter_goes_into_it(tocsin: Tocsin) -> None:
    with opened_desk(tocsin.db) as desk:
        for name in ("siem", "pager"):
            desk.add(fields(name=name))
    with on_terminal(tocsin) as terminal:
        terminal.read_until("pager")
        terminal.send("/siem")
        terminal.read_until(lambda text: "1 of 2" in text and "pager" not in text)


def line_of(text: str, label: str) -> str:
    """The line that begins with this label, without its frame and the mark of the focus."""
    lines = (line.strip("│▌ ") for line in text.split("\n"))
    return next((line for line in lines if line.startswith(label)), "")
