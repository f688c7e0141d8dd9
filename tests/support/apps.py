"""Apps on stores of the test's own, with a clock that only the test moves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from weakref import WeakKeyDictionary

from textual._context import visible_screen_stack
from textual.message import Message
from textual.pilot import Pilot

from domain.settings import DEFAULTS, Settings
from store.database import Store, open_store
from tests.support.stores import ACTOR, NOW, Desk
from tests.support.waiting import PATIENCE_S
from tui.app import TocsinApp
from tui.state.store_access import StoreAccess, settings_of_store
from tui.state.worker_thread import WorkerThread
from tui.widgets.key_bar import KeyBar
from tui.widgets.notices import NoticePosted

_TOLD: WeakKeyDictionary[TocsinApp, list[str]] = WeakKeyDictionary()


@dataclass
class Clock:
    """The time that the app sees, UTC milliseconds."""

    now_ms: int = NOW
    uptime_ms: int | None = None


class EndedWorker(WorkerThread):
    """A worker of this terminal that has ended before it sent anything."""

    def __init__(self) -> None:
        super().__init__(_no_store, DEFAULTS, settings_of_store)

    @property
    def id(self) -> None:
        return None

    def start(self) -> None:
        """Begin nothing."""


def _no_store() -> Store:
    raise AssertionError("this worker begins nothing")


@dataclass
class Bench:
    """A store with short words for what is done to it (`store`), and an app that looks at it."""

    opened: Store
    clock: Clock = field(default_factory=Clock)

    @property
    def store(self) -> Desk:
        """The desk of the tests of the store: append, add, start, end."""
        return Desk(self.opened, now_ms=self.clock.now_ms)

    def app(self, keymap: Mapping[str, str] | None = None) -> TocsinApp:
        """A new app; bugs fail the test."""
        access = StoreAccess(
            self.opened,
            ACTOR,
            _only_defaults,
            lambda: self.clock.now_ms,
            lambda count: bytes(range(count)),
            EndedWorker(),
            uptime_ms=lambda: self.clock.uptime_ms,
        )
        return TocsinApp(access, keymap=keymap, keep_bug=_fail, clock=lambda: "12:00")

    @asynccontextmanager
    async def running(
        self, size: tuple[int, int] = (80, 24)
    ) -> AsyncIterator[tuple[TocsinApp, Pilot[int]]]:
        """The app, running without a terminal."""
        app = self.app()
        notices = _TOLD[app] = []

        def listen(message: Message) -> None:
            if isinstance(message, NoticePosted):
                notices.append(message.notice.text)

        async with app.run_test(size=size, message_hook=listen) as pilot:
            yield app, pilot

    async def settle(self, app: TocsinApp, pilot: Pilot[int]) -> None:
        """Let the app do what it was asked for, see what was written to the store and paint it."""
        while app._access.change_queue.under_way:
            await pilot.pause()
        await app.live.reread()
        app.paint()
        await pilot.pause()


def _only_defaults(_stored: Mapping[str, str]) -> Settings:
    return DEFAULTS


def _fail(error: BaseException) -> str:
    raise error


def told(app: TocsinApp) -> list[str]:
    """The notices of a running app so far, the newest last."""
    return _TOLD[app]


def notice(app: TocsinApp) -> str:
    """The notice that the last line of the screen shows, "" if it shows the keys."""
    shown = app.screen.query_one(KeyBar).notice
    return shown.text if shown is not None else ""


def screen_text(app: TocsinApp) -> str:
    """Return the text on the screen, line by line, without colours."""
    visible_screen_stack.set(app._background_screens)
    lines = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in lines)


def flat(text: str) -> str:
    """The words of a screen in one line, wherever it was wrapped."""
    return " ".join(text.split())


SHORTLY_AFTER = 1_795_502_130_500
"""A moment after the handshakes of the dumps."""


@dataclass
class SettingsBench(Bench):
    """`origins` says of settings that somebody else than the store gives them."""

    origins: dict[str, str] = field(default_factory=dict)
    worker: WorkerThread = field(default_factory=EndedWorker)

    @property
    def access(self) -> StoreAccess:
        """Return the access to the store that the screens get."""
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
        return TocsinApp(self.access, keymap=keymap, keep_bug=_fail, clock=lambda: "12:00")


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
    worker = bench.worker = WorkerThread(bench.opened.sibling, DEFAULTS, settings_of_store)
    worker.start()
    try:
        yield worker
    finally:
        worker.stop()
        assert worker.join(PATIENCE_S)


async def open_part(bench: SettingsBench, app: TocsinApp, pilot: Pilot[int], key: str = "") -> None:
    """Go back from the webhooks to the Administration panel, and on into a part of it."""
    await pilot.pause()
    for press in ("q", *key):
        await pilot.press(press)
        await bench.settle(app, pilot)
        await app.workers.wait_for_complete()
        await pilot.pause()
