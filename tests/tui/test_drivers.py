"""Between the app and its terminal there is little to wake up for."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from queue import Queue
from typing import Any, ClassVar

import pytest
from textual._xterm_parser import XTermParser
from textual.app import App
from textual.drivers.headless_driver import HeadlessDriver
from textual.events import Key, Paste

from tui.drivers import InputOrEnd, TypedInput, wake_less

LONG_S = 10.0


class Asking:
    """A thread that asks whether it is over, as the one of Textual does."""

    def __init__(self) -> None:
        self.input, self.keyboard = os.pipe()
        self.over = InputOrEnd(self.input, attentive_s=0)
        self.answers: Queue[bool] = Queue()
        self.thread = threading.Thread(target=self._ask, daemon=True)
        self.thread.start()

    def _ask(self) -> None:
        while not self.over.is_set():
            self.answers.put(False)
            os.read(self.input, 1)
        self.answers.put(True)


@pytest.fixture
def asking() -> Iterator[Asking]:
    """It ends with the test."""
    asking = Asking()
    yield asking
    asking.over.set()
    asking.thread.join(LONG_S)
    assert not asking.thread.is_alive()


def test_who_listens_for_input_is_answered_when_there_is_some(asking: Asking) -> None:
    assert not asking.over.is_set()
    for _ in range(3):
        assert asking.answers.empty()
        os.write(asking.keyboard, b"k")
        assert asking.answers.get(timeout=LONG_S) is False


def test_who_listens_for_input_is_answered_at_the_end(asking: Asking) -> None:
    asking.over.set()
    assert asking.answers.get(timeout=LONG_S) is True
    assert asking.over.is_set()


def test_after_input_the_answer_comes_at_once_for_a_while() -> None:
    keys, keyboard = os.pipe()
    over = InputOrEnd(keys, attentive_s=LONG_S)
    os.write(keyboard, b"\x1b")
    asked: list[bool] = []

    def ask() -> None:
        asked.append(over.is_set())
        os.read(keys, 1)
        asked.append(over.is_set())

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(LONG_S / 2)
    assert asked == [False, False]


def test_a_terminal_that_is_gone_is_not_asked_again() -> None:
    keys, keyboard = os.pipe()
    over = InputOrEnd(keys, attentive_s=0)
    os.write(keyboard, b"k")
    assert over.hear(LONG_S) == b"k"
    os.close(keyboard)
    assert over.hear(LONG_S) == b""
    over.set()
    assert over.hear(LONG_S) == b""  # else it would be ready, with nothing to read, for ever


def typed(*pieces: bytes) -> list[str | None]:
    """The characters that the pieces make, and the texts that are pasted."""
    given = TypedInput(XTermParser)
    messages = [message for piece in pieces for message in given.take(piece)]
    return [
        one.text if isinstance(one, Paste) else one.character
        for one in messages
        if isinstance(one, Key | Paste)
    ]


@pytest.mark.parametrize("piece", [b"\xff", b"\x80", b"\xc3", b"\xed\xa0\x80", b"\xf5\x80"])
def test_bytes_that_are_no_text_become_the_replacement_character(piece: bytes) -> None:
    assert set(typed(piece, b"x")) == {"\N{REPLACEMENT CHARACTER}", "x"}
    pasted = typed(b"\x1b[200~a" + piece + b"b\x1b[201~")
    assert set(pasted[0] or "") == {"a", "\N{REPLACEMENT CHARACTER}", "b"}


def test_a_character_in_two_pieces_is_one() -> None:
    assert typed(b"\xc3", b"\xa4") == ["ä"]


def test_a_sequence_for_a_key_that_there_cannot_be_is_left_out() -> None:
    assert typed(b"a\x1b[1114112u", b"b") == ["a", "b"]


class Written(HeadlessDriver):
    """A driver that keeps what it is given to write."""

    pieces: ClassVar[list[str]] = []

    def __init__(self, *_: Any, **__: Any) -> None:
        """It has no terminal."""

    def write(self, data: str) -> None:
        self.pieces.append(data)


def test_a_repaint_is_one_piece_and_everything_else_as_it_was() -> None:
    app = App[None](driver_class=Written)
    wake_less(app)
    driver = app.driver_class(app)
    Written.pieces.clear()
    for piece in ("one", "\x1b[?2026h", "two", "three", "\x1b[?2026l", "four", "\x1b[?2026l"):
        driver.write(piece)
    assert Written.pieces == ["one", "\x1b[?2026htwothree\x1b[?2026l", "four", "\x1b[?2026l"]
