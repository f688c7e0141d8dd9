"""The driver reads what is typed, whatever bytes they are, and waits for nothing else."""

from __future__ import annotations

import asyncio
import os
import select
import threading
from collections.abc import Iterator
from queue import Queue

import pytest
from textual._xterm_parser import XTermParser
from textual.app import App
from textual.drivers.headless_driver import HeadlessDriver
from textual.drivers.linux_driver import LinuxDriver
from textual.events import Key, Paste

from tests.support.waiting import PATIENCE_S
from tui.terminal import driver
from tui.terminal.driver import EndEvent, TypedInput, input_of, use_driver

LONG_S = PATIENCE_S


class Listening:
    """A thread that hands on what is typed, as that of the driver does."""

    def __init__(self, attentive_s: float = 0) -> None:
        self.input, self.keyboard = os.pipe()
        self.end = EndEvent()
        self.heard: Queue[bytes | None] = Queue()
        self.thread = threading.Thread(target=self._listen, args=(attentive_s,), daemon=True)
        self.thread.start()

    def _listen(self, attentive_s: float) -> None:
        for typed in input_of(self.input, self.end, attentive_s=attentive_s):
            self.heard.put(typed)
        self.heard.put(None)


@pytest.fixture
def listening() -> Iterator[Listening]:
    """It ends with the test."""
    listening = Listening()
    yield listening
    listening.end.set()
    listening.thread.join(LONG_S)
    assert not listening.thread.is_alive()


def test_nothing_is_handed_on_but_what_is_typed(listening: Listening) -> None:
    for _ in range(3):
        assert listening.heard.empty()
        os.write(listening.keyboard, b"k")
        assert listening.heard.get(timeout=LONG_S) == b"k"


def test_the_end_is_waited_for_as_input_is(listening: Listening) -> None:
    listening.end.set()
    assert listening.heard.get(timeout=LONG_S) == b""
    assert listening.heard.get(timeout=LONG_S) is None


def test_the_event_of_the_end_can_be_used_again() -> None:
    end = EndEvent()
    for _ in range(2):
        end.set()
        assert end.is_set()
        assert select.select([end.descriptor], [], [], 0)[0]
        end.clear()
        assert not end.is_set()
        assert not select.select([end.descriptor], [], [], 0)[0]


def test_after_input_it_is_said_soon_that_nothing_more_came() -> None:
    listening = Listening(attentive_s=LONG_S)
    os.write(listening.keyboard, b"\x1b")
    assert listening.heard.get(timeout=LONG_S) == b"\x1b"
    assert listening.heard.get(timeout=LONG_S) == b""
    listening.end.set()


def test_a_terminal_that_is_gone_is_not_read_again(listening: Listening) -> None:
    os.close(listening.keyboard)
    assert listening.heard.get(timeout=LONG_S) == b""
    listening.end.set()
    assert listening.heard.get(timeout=LONG_S) == b""
    assert listening.heard.get(timeout=LONG_S) is None  # else it would be read for ever


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


@pytest.mark.parametrize(("mouse", "writes"), [("clicks", "\x1b[?1002h"), ("all", "\x1b[?1003h")])
def test_the_mouse_is_asked_for_as_much_as_is_set(
    monkeypatch: pytest.MonkeyPatch, mouse: str, writes: str
) -> None:
    written: list[str] = []
    monkeypatch.setattr(LinuxDriver, "write", lambda _, data: written.append(data))

    async def scene() -> None:
        app = App[None]()
        assert use_driver(app, mouse)
        app.driver_class(app).write("\x1b[?1003h")
        assert not use_driver(App[None](), "off")

    asyncio.run(scene())
    assert written == [writes]


def test_another_driver_and_an_unknown_textual_are_left_as_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    headless = App[None](driver_class=HeadlessDriver)
    use_driver(headless, "clicks")
    assert headless.driver_class is HeadlessDriver
    monkeypatch.setattr(driver, "are_known", lambda _: False)
    app = App[None]()
    use_driver(app, "clicks")
    assert app.driver_class is LinuxDriver
