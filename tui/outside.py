"""The admin's pager and editor in place of the screen; the worker's thread goes on meanwhile."""

from __future__ import annotations

import asyncio
import shlex
import signal
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textual.app import App, SuspendNotSupported

from domain.safe import safe
from tui.desk import Refused

LONGEST_LINE = 10_000_000
KEY_SIGNALS = (signal.SIGINT, signal.SIGQUIT)
"""What Ctrl+C and Ctrl+\\ send to every program on the terminal."""


@dataclass(frozen=True, slots=True)
class Program:
    """A command, and what it finds in its environment."""

    command: tuple[str, ...]
    environment: Mapping[str, str]


def pager(environment: Mapping[str, str]) -> Program:
    """$PAGER; for one who came by sudo a `less` from which nothing else can be started."""
    if _by_sudo(environment):
        return Program(("less",), {**environment, "LESSSECURE": "1"})
    return Program(_command(environment, ("PAGER",), "less"), environment)


def editor(environment: Mapping[str, str]) -> Program:
    """$VISUAL or $EDITOR. Raises Refused for one who came by sudo."""
    if _by_sudo(environment):
        raise Refused("an editor would run as another user here: write the body to a file instead")
    return Program(_command(environment, ("VISUAL", "EDITOR"), "vi"), environment)


async def look_at(app: App[Any], program: Program, name: str, text: str) -> None:
    """Show a copy, harmless, that goes when the program ends. Raises Refused."""
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
    """A text of many lines for a terminal that a program may hand it to as it is."""
    return "\n".join(safe(line, LONGEST_LINE) for line in text.split("\n"))


async def _run(app: App[Any], program: Program, path: Path) -> None:
    # Painting would fill a queue that nobody empties meanwhile, and then wait for ever.
    with app.batch_update(), app.suspend(), _deaf_to_its_keys():
        process = await asyncio.create_subprocess_exec(
            *program.command, str(path), env=dict(program.environment)
        )
        await process.wait()


@contextmanager
def _deaf_to_its_keys() -> Iterator[None]:
    """What is pressed is for the program; a handler, unlike ignoring, is not inherited by it."""
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
