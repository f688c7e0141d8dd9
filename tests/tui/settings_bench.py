"""An app whose settings are those of its store, and that may have a worker of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from textual.pilot import Pilot

from domain.settings import DEFAULTS
from store.database import open_store
from tests.store.helpers import ACTOR
from tests.tui.helpers import Bench
from tui.app import TocsinApp
from tui.state.store_access import StoreAccess, settings_of_store
from tui.state.worker_thread import WorkerThread

SHORTLY_AFTER = 1_795_502_130_500
"""A moment after the handshakes of the dumps."""


@dataclass
class SettingsBench(Bench):
    """`origins` says of settings that somebody else than the store gives them."""

    origins: dict[str, str] = field(default_factory=dict)
    worker: WorkerThread | None = None

    @property
    def access(self) -> StoreAccess:
        """What the screens get."""
        return StoreAccess(
            self.opened,
            ACTOR,
            settings_of_store,
            lambda: self.clock.now_ms,
            lambda count: bytes(range(count)),
            self.worker,
            lambda name: self.origins.get(name, "default"),
        )

    def app(self, keymap: Mapping[str, str] | None = None) -> TocsinApp:
        """A new app; bugs fail the test."""
        return TocsinApp(
            self.access, worker=self.worker, keymap=keymap, keep_bug=_fail, clock=lambda: "12:00"
        )


@contextmanager
def settings_bench(path: Path) -> Iterator[SettingsBench]:
    """A bench on a new store."""
    store = open_store(path)
    try:
        yield SettingsBench(store)
    finally:
        store.close()


@contextmanager
def idle_worker(bench: SettingsBench) -> Iterator[WorkerThread]:
    """A worker of this terminal, running."""
    worker = bench.worker = WorkerThread(bench.opened.sibling(), DEFAULTS, settings_of_store)
    worker.start()
    try:
        yield worker
    finally:
        worker.stop()
        assert worker.join(30)


async def open_part(bench: SettingsBench, app: TocsinApp, pilot: Pilot[int], key: str = "") -> None:
    """Go back from the webhooks to the Administration panel, and on into a part of it."""
    await pilot.pause()
    for press in ("q", *key):
        await pilot.press(press)
        await bench.settle(app, pilot)
        await app.workers.wait_for_complete()
        await pilot.pause()


def _fail(error: BaseException) -> str:
    raise error
