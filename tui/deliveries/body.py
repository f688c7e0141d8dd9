"""Actions on the body of one delivery: write it to a file, page it, open it in an editor."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import tempfile
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from rich.text import Text
from textual.app import App, SuspendNotSupported
from textual.binding import Binding, BindingType

from domain.safe import safe
from tui.screens.base import TocsinScreen
from tui.screens.dialogs import SaveScreen
from tui.state.store_access import Refused

LONGEST_LINE = 10_000_000
KEY_SIGNALS = (signal.SIGINT, signal.SIGQUIT)
"""Signals that Ctrl+C and Ctrl+\\ send to every program on the terminal."""


class Program(msgspec.Struct, frozen=True):
    """Command of a pager or editor, and its environment."""

    command: tuple[str, ...]
    environment: Mapping[str, str]


def pager(environment: Mapping[str, str]) -> Program:
    """Return $PAGER; under sudo a `less` from which nothing else can be started."""
    if _by_sudo(environment):
        return Program(("less",), {**environment, "LESSSECURE": "1"})
    return Program(_command(environment, ("PAGER",), "less"), environment)


def editor(environment: Mapping[str, str]) -> Program:
    """Return $VISUAL or $EDITOR. Raises Refused under sudo."""
    if _by_sudo(environment):
        raise Refused("an editor would run as another user here: write the body to a file instead")
    return Program(_command(environment, ("VISUAL", "EDITOR"), "vi"), environment)


async def show_in_program(app: App[Any], program: Program, name: str, text: str) -> None:
    """Show a text, harmless, in a file that goes when the program ends. Raises Refused."""
    with tempfile.TemporaryDirectory(prefix="tocsin-") as folder:
        path = Path(folder) / name
        await asyncio.to_thread(_write, path, harmless(text))
        try:
            await _run(app, program, path)
        except FileNotFoundError:
            raise Refused(
                f"there is no {safe(program.command[0])}: write the body to a file instead"
            ) from None
        except OSError as error:
            raise Refused(f"cannot start {safe(program.command[0])}: {error.strerror}") from None
        except SuspendNotSupported:
            raise Refused("this terminal cannot show another program") from None


def harmless(text: str) -> str:
    """Return a text of many lines without what a terminal would obey."""
    return "\n".join(safe(line, LONGEST_LINE) for line in text.split("\n"))


async def _run(app: App[Any], program: Program, path: Path) -> None:
    # Painting would fill a queue that nobody empties meanwhile, and then wait for ever.
    with app.batch_update(), app.suspend(), _leaving_key_signals():
        process = await asyncio.create_subprocess_exec(
            *program.command, str(path), env=dict(program.environment)
        )
        await process.wait()


@contextmanager
def _leaving_key_signals() -> Iterator[None]:
    """Leave Ctrl+C and Ctrl+\\ to the program: it inherits no handler, but it would SIG_IGN."""
    before = {number: signal.signal(number, lambda *_: None) for number in KEY_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _by_sudo(environment: Mapping[str, str]) -> bool:
    return "SUDO_UID" in environment


def _command(environment: Mapping[str, str], names: Sequence[str], default: str) -> tuple[str, ...]:
    for name in names:
        try:
            words = shlex.split(environment.get(name, ""))
        except ValueError:
            raise Refused(f"cannot read ${name}: close its quotes") from None
        if words:
            return tuple(words)
    return (default,)


def _write(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8", errors="backslashreplace")
    path.chmod(0o400)


NO_BODY = "there is no body: its events are no longer kept"
OUTSIDE = "outside"
"""The group of the work that waits for a pager or an editor."""


BODY_KEYS: list[BindingType] = [
    Binding("w", "write", "write to file", id="delivery.write", tooltip="write the exact body"),
    Binding(
        "vertical_line",
        "page",
        "pager",
        key_display="|",
        id="delivery.pager",
        tooltip="the request in $PAGER; deliveries go on meanwhile",
    ),
    Binding(
        "e",
        "edit",
        "editor",
        id="delivery.editor",
        tooltip="a copy of the body in $EDITOR; deliveries go on meanwhile",
    ),
]


class BodyActions:
    """Actions on the body; `exact` is that body once it is read, `request` URL and headers."""

    def __init__(self, screen: TocsinScreen, delivery_id: str) -> None:
        self.exact: bytes | None = None
        self.request = Text("")
        self._screen = screen
        self._delivery_id = delivery_id

    def write(self) -> None:
        """Ask for a file, and write the body to it."""
        if self.exact is None:
            self._screen.show_notice_here(NO_BODY)
        else:
            screen = SaveScreen(f"{self._delivery_id}.json", self.exact)
            self._screen.app.push_screen(screen)

    def page(self) -> None:
        """Show the request in the admin's pager, harmless."""
        self._open_outside(self._page)

    def edit(self) -> None:
        """Show the body in the admin's editor; what is changed there goes nowhere."""
        self._open_outside(self._edit)

    def _open_outside(
        self, show: Callable[[bytes, Mapping[str, str]], Coroutine[Any, Any, None]]
    ) -> None:
        """Open one program at a time: a key that was typed twice is not for a second one."""
        if self.exact is None:
            self._screen.show_notice_here(NO_BODY)
        elif all(
            worker.group != OUTSIDE or worker.is_finished for worker in self._screen.app.workers
        ):
            self._screen.in_background(show(self.exact, os.environ), group=OUTSIDE)

    async def _page(self, body: bytes, environment: Mapping[str, str]) -> None:
        text = f"{self.request.plain}\n\n{pretty(body)}\n"
        await show_in_program(
            self._screen.app, pager(environment), f"{self._delivery_id}.txt", text
        )

    async def _edit(self, body: bytes, environment: Mapping[str, str]) -> None:
        program = editor(environment)
        await show_in_program(
            self._screen.app, program, f"{self._delivery_id}.json", f"{pretty(body)}\n"
        )
        self._screen.show_notice("that was a copy: the delivery is sent as it was sealed")


def pretty(body: bytes) -> str:
    """Return JSON with a line for each value, numbers and strings as they stand in it."""
    return msgspec.json.format(body, indent=2).decode("utf-8", "backslashreplace")
