"""Pictures of each screen; of the main ones also in a larger terminal, light and without colours.

After a wanted change run this file with --snapshot-update.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from tests.support.apps import Bench
from tests.support.scenes import furnish
from tests.support.stores import new_store

SCREENS = {
    "webhooks": (),
    "administration": ("q",),
    "sources": ("q", "o"),
    "source-form": ("q", "o", "e"),
    "source-kinds": ("q", "o", "a"),
    "alerts": ("q", "l"),
    "settings": ("q", "s"),
    "worker-log": ("q", "s", "l"),
    "form": ("e",),
    "deliveries": ("2",),
    "delivery": ("2", "enter"),
    "events": ("3",),
    "event": ("3", "enter"),
    "audit": ("q", "a"),
    "help": ("question_mark",),
    "palette": ("ctrl+p",),
    "delete": ("x",),
    "refused": ("2", "end", "s"),
}
MAIN = ("webhooks", "administration", "form", "deliveries", "delivery")
USUAL, LARGE = "dark-80x24", "dark-120x40"
PICTURES = (
    *((name, USUAL) for name in SCREENS),
    *((name, look) for name in MAIN for look in (LARGE, "light-80x24", "no-colour-80x24")),
)
Compare = Callable[..., bool]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A new store; the settings show its path, which is the same at each run."""
    monkeypatch.chdir(tmp_path)
    store = new_store(Path("tocsin.db"))
    yield Bench(store)
    store.close()


@pytest.fixture
def furnished(bench: Bench) -> Iterator[Bench]:
    """A store with something of everything."""
    lock = furnish(bench)
    yield bench
    lock.release()


async def settled(pilot: Pilot[int]) -> None:
    """Wait until what was asked of the store is painted."""
    for _ in range(4):
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()


def pressing(*keys: str) -> Callable[[Pilot[int]], object]:
    async def before(pilot: Pilot[int]) -> None:
        for key in keys:
            await pilot.press(key)
            await settled(pilot)
        for box in pilot.app.screen.query(Input):
            box.cursor_blink = False  # a slow machine would take the picture between two blinks
        await settled(pilot)

    return before


@pytest.mark.parametrize(("name", "look"), PICTURES, ids=map("-".join, PICTURES))
def test_screen(
    furnished: Bench,
    snap_compare: Compare,
    name: str,
    look: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if look.startswith("no-colour"):
        monkeypatch.setenv("NO_COLOR", "1")
    app = furnished.app()
    app.theme = "textual-light" if look.startswith("light") else "textual-dark"
    size = (120, 40) if look == LARGE else (80, 24)
    assert snap_compare(app, terminal_size=size, run_before=pressing(*SCREENS[name]))


def test_refused_events(bench: Bench, snap_compare: Compare) -> None:
    store = bench.store
    store.add_source("pc", "procustodibus")
    store.refuse(b'{"type":"log_errors","id":"e1","score":0.50,"site":"their own"}', b"[17]")
    assert snap_compare(bench.app(), terminal_size=(80, 24), run_before=pressing("q", "o", "o"))


def test_nothing_yet(bench: Bench, snap_compare: Compare) -> None:
    assert snap_compare(bench.app(), terminal_size=(80, 24), run_before=settled)
