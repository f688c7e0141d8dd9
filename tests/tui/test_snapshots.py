"""How each screen looks. After a wanted change run this file with --snapshot-update.

The settings are not among them: they show the path of the store, which is another at each run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from textual.pilot import Pilot

from tests.tui.helpers import Bench
from tests.tui.scenes import furnish

SCREENS = {
    "webhooks": (),
    "administration": ("q",),
    "form": ("e",),
    "deliveries": ("2",),
    "delivery": ("2", "enter"),
    "events": ("3",),
    "event": ("3", "enter"),
    "audit": ("q", "a"),
    "help": ("question_mark",),
    "delete": ("x",),
}
SIZES = ((80, 24), (120, 40))
LOOKS = ("webhooks", "form", "deliveries")
Compare = Callable[..., bool]


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
        await settled(pilot)

    return before


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("name", SCREENS)
def test_screen(furnished: Bench, snap_compare: Compare, name: str, size: tuple[int, int]) -> None:
    before = pressing(*SCREENS[name])
    assert snap_compare(furnished.app(), terminal_size=size, run_before=before)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_nothing_yet(bench: Bench, snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(bench.app(), terminal_size=size, run_before=settled)


@pytest.mark.parametrize("name", LOOKS)
def test_light(furnished: Bench, snap_compare: Compare, name: str) -> None:
    app = furnished.app()
    app.theme = "textual-light"
    assert snap_compare(app, terminal_size=(80, 24), run_before=pressing(*SCREENS[name]))


@pytest.mark.parametrize("name", LOOKS)
def test_without_colours(
    furnished: Bench, snap_compare: Compare, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    before = pressing(*SCREENS[name])
    assert snap_compare(furnished.app(), terminal_size=(80, 24), run_before=before)
