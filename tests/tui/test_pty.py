"""The screen as a process on a real terminal: signals, a stalled line, any size, keys alone."""

from __future__ import annotations

import json
import shutil
import signal
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.screen.terminal import Terminal
from cli.exit_codes import ExitCode
from store import workers
from tests.support.program import Tocsin
from tests.support.receiver_client import Receiver
from tests.support.running_worker import hook, opened_desk
from tests.support.stores import Desk, events, fields
from tests.support.terminals import in_tmux, on_terminal
from tests.support.waiting import PATIENCE_S, eventually

HURRIED = {"TOCSIN_LINGER": "0s", "TOCSIN_INTERVAL": "1s"}
WRAPPED = b"\x1b[?7h"
ALTERNATE_ON, ALTERNATE_OFF, MOUSE_OFF = b"\x1b[?1049h", b"\x1b[?1049l", b"\x1b[?1000l"
GRACE = {"TOCSIN_GRACE": "1m"}
MARGIN_S = 30.0
"""Seconds that a busy machine may add to half a second: fewer than those of the grace."""


@pytest.mark.parametrize("arguments", [(), ("demo",)], ids=["screen", "demo"])
def test_without_a_terminal_it_says_so(tocsin: Tocsin, arguments: tuple[str, ...]) -> None:
    ended = tocsin.run(*arguments)
    assert ended.returncode == ExitCode.USAGE
    assert "no terminal here" in ended.stderr
    assert not list(tocsin.home.iterdir())


@pytest.mark.parametrize("arguments", [(), ("demo",)], ids=["screen", "demo"])
def test_a_dumb_terminal_is_told(tocsin: Tocsin, arguments: tuple[str, ...]) -> None:
    with on_terminal(tocsin, *arguments, TERM="dumb") as terminal:
        assert terminal.end() == ExitCode.USAGE
        assert "TERM is dumb" in terminal.cells.text


def test_the_screen_opens_and_restores_the_terminal(tocsin: Tocsin) -> None:
    with on_terminal(tocsin) as terminal:
        terminal.read_until("this terminal")
        terminal.send("\x11")
        assert terminal.end() == ExitCode.OK
        assert_restored(terminal)


@contextmanager
def in_flight(tocsin: Tocsin, receiver: Receiver, path: str) -> Iterator[Terminal]:
    """The screen, while its worker waits for an answer."""
    with opened_desk(tocsin.db) as desk:
        desk.add(hook(receiver.url(path), name="slow"))
        desk.append(*events(1, 2))
    tocsin.environment |= HURRIED | GRACE
    with on_terminal(tocsin) as terminal:
        terminal.read_until("this terminal")
        receiver.wait(path, count=1)
        yield terminal


def until_it_stops(tocsin: Tocsin) -> None:
    """Wait until the worker waits for its last attempt."""
    with opened_desk(tocsin.db) as desk:
        eventually(lambda: [one.stopping for one in desk.call(workers.load_all)] == [True])


def assert_delivered_and_left(tocsin: Tocsin) -> None:
    with opened_desk(tocsin.db) as desk:
        assert desk.status(1).delivered_events == 2
        assert desk.call(workers.load_all) == []
        assert workers.SendingLock(tocsin.db).acquire()


def assert_restored(terminal: Terminal) -> None:
    said = b"".join(chunk.data for chunk in terminal.chunks)
    assert ALTERNATE_ON in said
    assert ALTERNATE_OFF in said
    assert said.rindex(MOUSE_OFF) > said.index(ALTERNATE_ON)


def seconds_after_last_answer(receiver: Receiver, path: str) -> float:
    ended_ns = receiver.requests(path)[-1].ended_ns
    assert ended_ns is not None
    return (time.monotonic_ns() - ended_ns) / 1e9


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_records_the_attempt_in_flight(
    tocsin: Tocsin, shared_receiver: Receiver, number: signal.Signals
) -> None:
    path = f"/held/screen-{number.name}"
    with in_flight(tocsin, shared_receiver, path) as terminal:
        terminal.process.send_signal(number)
        until_it_stops(tocsin)
        shared_receiver.release(path)
        assert terminal.end() == ExitCode.OK
        assert seconds_after_last_answer(shared_receiver, path) < 0.5 + MARGIN_S
        assert_restored(terminal)
    assert_delivered_and_left(tocsin)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_the_end_waits_for_an_attempt_breaks_nothing(
    tocsin: Tocsin, shared_receiver: Receiver, number: signal.Signals
) -> None:
    path = f"/held/waiting-{number.name}"
    with in_flight(tocsin, shared_receiver, path) as terminal:
        terminal.send("\x11")
        terminal.read_until("Quit?")
        terminal.send("y")
        terminal.read_until("Ctrl+C ends at once")
        terminal.process.send_signal(number)
        is_at_once = number is signal.SIGINT
        if not is_at_once:
            shared_receiver.release(path)
        assert terminal.end() == (ExitCode.INTERRUPTED if is_at_once else ExitCode.OK)
        assert "Traceback" not in terminal.cells.text
    shared_receiver.release(path)


def test_sigquit_ends_at_once_and_restores_the_terminal(tocsin: Tocsin) -> None:
    with on_terminal(tocsin) as terminal, open(terminal.path) as shell:
        before = termios.tcgetattr(shell)
        terminal.read_until("this terminal")
        assert termios.tcgetattr(shell) != before
        terminal.process.send_signal(signal.SIGQUIT)
        assert terminal.end() == -signal.SIGQUIT
        assert termios.tcgetattr(shell) == before
        terminal.read_until_quiet(1)
        assert_restored(terminal)
        assert WRAPPED in b"".join(chunk.data for chunk in terminal.chunks)


def test_what_sigquit_cut_off_is_recorded_by_the_next_worker_and_made_again(
    tocsin: Tocsin, shared_receiver: Receiver
) -> None:
    path = "/script:hang,200/screen-quit"
    with in_flight(tocsin, shared_receiver, path) as terminal:
        terminal.process.send_signal(signal.SIGQUIT)
        assert terminal.end() == -signal.SIGQUIT
    assert tocsin.run("worker", "--once").returncode == ExitCode.OK
    with opened_desk(tocsin.db) as desk:
        assert desk.status(1).delivered_events == 2
    first, again = shared_receiver.requests(path)
    assert first.header("webhook-id") == again.header("webhook-id")
    assert first.body == again.body
    (delivery,) = json.loads(tocsin.run("delivery", "list", "--json").stdout)
    shown = json.loads(tocsin.run("delivery", "show", delivery["id"], "--json").stdout)
    assert [one["error"] for one in shown["history"]] == ["CutOff", None]


def test_a_hang_up_records_the_attempt_in_flight(tocsin: Tocsin, shared_receiver: Receiver) -> None:
    path = "/held/screen-hup"
    with in_flight(tocsin, shared_receiver, path) as terminal:
        terminal.hang_up()
        until_it_stops(tocsin)
        shared_receiver.release(path)
        assert terminal.process.wait(PATIENCE_S) == ExitCode.OK
        assert seconds_after_last_answer(shared_receiver, path) < 0.5 + MARGIN_S
    assert_delivered_and_left(tocsin)


def test_a_terminal_that_is_not_read_can_be_ended(
    tocsin: Tocsin, shared_receiver: Receiver
) -> None:
    path = "/slow:1/screen-stalled"
    with in_flight(tocsin, shared_receiver, path) as terminal:
        for size in ((100, 30), (80, 24)) * 20:
            terminal.resize(size)
            time.sleep(0.02)  # the program paints all of it for each size, and nobody reads
        terminal.process.send_signal(signal.SIGTERM)
        assert terminal.process.wait(PATIENCE_S) == ExitCode.OK
    assert_delivered_and_left(tocsin)


WEBHOOKS = 20
STALLED_RUNS = 10
"""Runs of each webhook, one a second."""


def test_a_terminal_that_is_not_read_holds_up_no_delivery(
    tocsin: Tocsin, receiver: Receiver
) -> None:
    tocsin.environment |= HURRIED
    with opened_desk(tocsin.db) as desk:
        for number in range(WEBHOOKS):
            desk.add(hook(receiver.url(f"/ok/{number}"), name=f"w{number}"))
        with on_terminal(tocsin) as terminal, happening(desk):
            terminal.read_until("this terminal")
            receiver.wait(count=WEBHOOKS)
            # From here on nobody reads: the line is full long before the last of these.
            receiver.wait(count=len(receiver.requests()) + STALLED_RUNS * WEBHOOKS, timeout=200)
            assert_stalled(terminal)


@contextmanager
def happening(desk: Desk) -> Iterator[None]:
    """Append an event every tenth of a second."""
    stopped = threading.Event()

    def happen() -> None:
        number = 0
        while not stopped.wait(0.1):
            number += 1
            desk.append(*events(number, number))

    thread = threading.Thread(target=happen)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def assert_stalled(terminal: Terminal) -> None:
    """The line was full: what waited in it is what a kernel keeps for a terminal."""
    before = terminal.written
    terminal.read(0)
    assert terminal.written - before > 2_000


SIZES = ((80, 24), (1, 1), (200, 60), (60, 15), (59, 15), (2, 80), (120, 40), (80, 24))


def test_any_size_at_any_moment(tocsin: Tocsin) -> None:
    with opened_desk(tocsin.db) as desk:
        desk.add(fields(name="siem"))
    with on_terminal(tocsin, size=(1, 1)) as terminal:
        terminal.read_until("T")
        for size in SIZES * 2:
            terminal.resize(size)
            terminal.read_for(0.05)
        terminal.read_until("siem")
        assert "something went wrong" not in terminal.cells.text.lower()
        terminal.resize((40, 10))
        terminal.read_until("needs 60x15")
        terminal.send("\x11")
        assert terminal.end() == ExitCode.OK


def folders(tocsin: Tocsin) -> list[Path]:
    return list(tocsin.home.glob("tocsin-demo-*"))


@pytest.mark.parametrize("ending", ["quit", "hang-up", "kill"])
def test_the_demo_is_live_and_leaves_nothing(tocsin: Tocsin, ending: str) -> None:
    with on_terminal(tocsin, "demo") as terminal:
        terminal.read_until(lambda text: "failing" in text and "200 " in text, 60)
        assert len(folders(tocsin)) == 1
        if ending == "quit":
            terminal.send("\x11")
            assert terminal.end() == ExitCode.OK
            assert not folders(tocsin)
        elif ending == "hang-up":
            terminal.hang_up()
        else:
            terminal.process.kill()
        eventually(lambda: not folders(tocsin), "an empty folder")


def test_the_demo_has_the_keys_of_the_file_and_leaves_its_store_alone(tocsin: Tocsin) -> None:
    file = tocsin.home / "tocsin.toml"
    file.write_text('[keys]\nquit = "f10"\n')
    with on_terminal(tocsin, "demo", TOCSIN_CONFIG=str(file)) as terminal:
        terminal.read_until("this terminal")
        terminal.send("\x1b[21~")
        assert terminal.end() == ExitCode.OK
    assert list(tocsin.home.iterdir()) == [file]


@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
def test_a_webhook_by_keys_alone(tocsin: Tocsin, shared_receiver: Receiver) -> None:
    path = "/script:503,held:503,200/keys"
    tocsin.environment |= HURRIED
    with in_tmux(tocsin) as tmux:
        tmux.until("No webhooks yet", "● this terminal")
        tmux.send("a", "Tab", "Tab")  # past the type and the state; the form takes what is typed
        tmux.type("siem")
        tmux.send("Tab")
        tmux.type(shared_receiver.url(path))
        tmux.until("events: POST http://127.0.0.1")
        tmux.send("C-s")
        tmux.until("✓ active", "siem")
        emitted = tocsin.run(
            "event", "emit", "-", stdin='{"type":"alerts","id":"e1","attributes":{}}'
        )
        assert emitted.returncode == ExitCode.OK, emitted.stderr
        tmux.until("✗ failing", "503")
        shared_receiver.release(path)
        shared_receiver.wait(path, acked=1)
        tmux.until("✓ active", "200 ", "1 event delivered so far")
        tmux.send("C-q")
    first, second, third = shared_receiver.requests(path)
    assert first.body == second.body == third.body
    assert [event["id"] for event in third.events] == ["e1"]
