"""The sources of the store are run while the worker sends, each by itself."""

from __future__ import annotations

import asyncio
import json
import shlex
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace

from domain.actors import Actor
from domain.alert_kinds import SOURCE_STALE
from domain.event_types import EventType
from domain.settings import DEFAULTS
from domain.source_kinds import PROCUSTODIBUS, SOCKET, WIREGUARD
from sources import polling, runner, service_runner
from sources.base import SourceError
from sources.factory import RunnableSource
from sources.intake import Inlet
from sources.runner import Sources, run_one
from sources.stale import StaleAlerts
from store import sources
from store.database import Store
from store.errors import NotFound, StoreError, StoreGone
from store.events import reading
from store.records import StoredSource
from tests.sources.wireguard.telling import run_until_told
from tests.support.stores import new_store
from tests.support.waiting import PATIENCE_S, eventually
from tests.support.wireguard.dumps import PeerRow, dump, idle

NOW_MS = 1_795_502_130_500
ADMIN = Actor("admin")


class Scene:
    """Sources whose dumps are files, and what was heard of them."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store = store
        self.folder = folder
        self.heard = asyncio.Event()
        self.failures: list[str] = []
        self.sources = Sources(
            store, lambda: NOW_MS, on_appended=self.heard.set, on_failure=self.failures.append
        )

    def add(self, name: str, command: str = "", *, created_ms: int = NOW_MS, **more: str) -> None:
        """A source that looks often at a file, or runs a command."""
        self._file(name).write_text(dump(idle("alice")))
        options = {"command": command or f"cat {self._file(name)}", "every": "2s"} | more
        self.store.call(sources.add, WIREGUARD, name, options, ADMIN, created_ms)

    def adapt(self, active: bool = True) -> None:
        """As the worker does when it begins to send, or something was changed."""
        self.sources.adapt(active, DEFAULTS)

    async def handshake(self, name: str) -> None:
        """Let a peer come, and wait until that is an event."""
        self.heard.clear()
        begun = self._file(f"{name}-begun")
        begun.write_text(dump(PeerRow("alice")))
        begun.replace(self._file(name))  # at once: it is read all the time
        async with asyncio.timeout(PATIENCE_S):
            await self.heard.wait()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until what the store or the failures say is so."""
        await asyncio.to_thread(eventually, condition)

    async def looked(self, name: str) -> None:
        """Wait until it was looked at."""
        await self.until(lambda: self.health(name).last_ok_ms is not None)

    def health(self, name: str) -> StoredSource:
        """Return the health of the source as the store has it."""
        return self.store.call(sources.find, name)

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.dump"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = new_store(tmp_path / "tocsin.db")
    yield opened
    opened.close()


Play = Callable[[Callable[[Scene], Awaitable[None]]], Scene]


@pytest.fixture
def play(store: Store, tmp_path: Path) -> Play:
    """Plays a scene, and ends the running."""

    def run(act: Callable[[Scene], Awaitable[None]]) -> Scene:
        async def whole() -> Scene:
            scene = Scene(store, tmp_path)
            try:
                await act(scene)
            finally:
                async with asyncio.timeout(PATIENCE_S):
                    await scene.sources.end()
            return scene

        return asyncio.run(whole())

    return run


def test_what_is_active_runs_while_the_worker_sends(play: Play) -> None:
    async def act(scene: Scene) -> None:
        scene.add("hub")
        scene.adapt()
        await scene.looked("hub")
        await scene.handshake("hub")

    assert play(act).health("hub").accepted_events == 1


def test_nothing_runs_where_the_worker_stands_by_or_the_source_is_paused(play: Play) -> None:
    async def act(scene: Scene) -> None:
        scene.add("hub")
        scene.add("other")
        scene.adapt(False)
        scene.store.call(sources.pause, "hub", ADMIN, NOW_MS)
        scene.adapt()
        await scene.looked("other")

    scene = play(act)
    assert scene.health("hub").last_ok_ms is None
    assert scene.failures == []


def test_one_that_fails_stops_no_other(play: Play) -> None:
    async def act(scene: Scene) -> None:
        scene.add("broken", "false")
        scene.add("hub")
        scene.adapt()
        await scene.until(lambda: bool(scene.failures))
        await scene.looked("hub")
        await scene.handshake("hub")

    scene = play(act)
    assert all(one.startswith("source broken: ") for one in scene.failures)
    assert "`false` failed with exit status 1" in scene.failures[0]
    assert scene.health("broken").state == "failing"
    assert scene.health("hub").state == "active"


def test_an_edit_is_taken_up_at_once(play: Play) -> None:
    async def act(scene: Scene) -> None:
        scene.add("hub", "false")
        scene.adapt()
        await scene.until(lambda: bool(scene.failures))
        command = f"cat {scene.folder / 'hub.dump'}"
        scene.store.call(sources.edit, "hub", {"command": command}, ADMIN, NOW_MS)
        scene.adapt()
        await scene.looked("hub")

    assert play(act).health("hub").error is None


def test_a_pause_ends_it_and_its_problem(play: Play) -> None:
    async def act(scene: Scene) -> None:
        scene.add("hub", "false")
        scene.adapt()
        await scene.until(lambda: bool(scene.failures))
        scene.store.call(sources.pause, "hub", ADMIN, NOW_MS)
        scene.adapt()

    health = play(act).health("hub")
    assert (health.state, health.error, health.failures) == ("inactive", None, 0)


@pytest.mark.parametrize("ends", ["exit 1", "cat {}/hub.dump"], ids=["failure", "warning"])
@pytest.mark.parametrize("edited", [False, True])
def test_a_look_that_ends_badly_when_it_was_paused_or_edited_is_no_problem_of_it(
    play: Play, tmp_path: Path, ends: str, *, edited: bool
) -> None:
    looks, go_on = tmp_path / "looks", tmp_path / "go-on"
    end = ends.format(tmp_path)
    wait = f"touch {looks}; until [ -e {go_on} ]; do sleep 0.01; done; {end}"

    async def act(scene: Scene) -> None:
        scene.add("hub", shlex.join(("sh", "-c", wait)), names_file="/nowhere/names")
        scene.adapt()
        await scene.until(looks.exists)
        if edited:
            scene.store.call(sources.edit, "hub", {"command": "true"}, ADMIN, NOW_MS)
        else:
            scene.store.call(sources.pause, "hub", ADMIN, NOW_MS)
        go_on.touch()
        await scene.until(lambda: bool(scene.failures))

    assert play(act).health("hub").error is None


def test_what_went_wrong_stays_known_while_the_worker_only_stands_by(play: Play) -> None:
    async def act(scene: Scene) -> None:
        scene.add("hub", "false")
        scene.adapt()
        await scene.until(lambda: bool(scene.failures))
        scene.adapt(False)

    assert play(act).health("hub").error is not None


def test_one_that_is_deleted_ends_without_a_word(play: Play) -> None:
    async def act(scene: Scene) -> None:
        scene.add("hub")
        scene.adapt()
        await scene.looked("hub")
        scene.store.call(sources.delete, "hub", ADMIN, NOW_MS)
        scene.adapt()

    assert play(act).failures == []


def test_a_new_source_of_an_old_name_is_another_one(play: Play) -> None:
    async def act(scene: Scene) -> None:
        scene.add("hub", "false")
        scene.adapt()
        await scene.until(lambda: bool(scene.failures))
        scene.store.call(sources.delete, "hub", ADMIN, NOW_MS)
        scene.add("hub", created_ms=NOW_MS + 1)
        scene.adapt()
        await scene.looked("hub")

    assert play(act).health("hub").error is None


class Waiting:
    """A service that waits for its stop, and then for a sign that it may end."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.starts = 0
        self.stop = asyncio.Event()
        self.begun = asyncio.Event()
        self.may_end = asyncio.Event()

    async def serve(self, inlet: Inlet, stop: asyncio.Event) -> None:
        self.starts += 1
        self.stop = stop
        self.begun.set()
        await stop.wait()
        await self.may_end.wait()


def serve_with(monkeypatch: pytest.MonkeyPatch, *services: Waiting) -> None:
    """Let each source be the service of its name."""
    found = {one.name: RunnableSource(service=one) for one in services}
    monkeypatch.setattr(runner, "make_source", lambda stored, *_: found[stored.name])


async def begun(service: Waiting) -> None:
    async with asyncio.timeout(PATIENCE_S):
        await service.begun.wait()


def test_an_edit_makes_nobody_silent_for_less_long_and_a_pause_does(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, watching = Waiting("served"), list[StaleAlerts]()
    service.may_end.set()

    async def watch(_: Inlet, stale: StaleAlerts) -> None:
        watching.append(stale)

    made = RunnableSource(service=service, watch=watch)
    monkeypatch.setattr(
        runner, "make_source", lambda stored, *_: made if stored.name == "served" else None
    )

    async def act(scene: Scene) -> None:
        scene.add("served")
        scene.adapt()
        await begun(service)
        for change in (
            partial(sources.edit, "served", {"every": "9s"}, ADMIN, NOW_MS),
            partial(sources.pause, "served", ADMIN, NOW_MS),
            partial(sources.unpause, "served", ADMIN, NOW_MS),
        ):
            service.begun.clear()
            scene.store.call(change)
            scene.adapt()
            if change.func is sources.pause:
                await asyncio.wait_for(service.stop.wait(), PATIENCE_S)
            else:
                await begun(service)
        await scene.until(lambda: len(watching) == 3)

    play(act)
    first, edited, unpaused = watching
    assert edited is first
    assert unpaused is not first


def test_one_that_is_slow_to_stop_keeps_no_other_from_starting(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_runner, "WAIT_FOR_OTHER_S", 3600)
    slow, other = Waiting("slow"), Waiting("other")
    serve_with(monkeypatch, slow, other)

    async def act(scene: Scene) -> None:
        other.may_end.set()
        scene.add("slow")
        scene.adapt()
        await begun(slow)
        scene.store.call(sources.edit, "slow", {"every": "9s"}, ADMIN, NOW_MS)
        scene.add("other")
        slow.begun.clear()
        scene.adapt()
        await begun(other)
        assert slow.starts == 1, "it never runs twice at once"
        slow.may_end.set()
        await begun(slow)

    play(act)
    assert (slow.starts, other.starts) == (2, 1)


def test_a_setting_that_it_does_not_use_leaves_a_source_alone(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, later = Waiting("old"), Waiting("later")
    serve_with(monkeypatch, old, later)

    async def act(scene: Scene) -> None:
        old.may_end.set()
        later.may_end.set()
        scene.add("old")
        scene.adapt()
        await begun(old)
        scene.add("later")
        scene.sources.adapt(True, replace(DEFAULTS, linger_ms=7, theme="light"))
        await begun(later)
        assert not old.stop.is_set()
        old.begun.clear()
        scene.sources.adapt(True, replace(DEFAULTS, min_free_disk_bytes=7))
        await begun(old)

    play(act)
    assert old.starts == 2


def test_one_that_cannot_be_made_is_tried_again(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Waiting("hub")
    service.may_end.set()
    errors: list[Exception] = [OSError("no more files")]

    def make(*_: object) -> RunnableSource:
        if errors:
            raise errors.pop()
        return RunnableSource(service=service)

    monkeypatch.setattr(runner, "make_source", make)

    async def act(scene: Scene) -> None:
        scene.add("hub")
        scene.adapt()
        await begun(service)

    scene = play(act)
    assert scene.failures == ["source hub: the source failed: OSError: no more files"]
    assert scene.health("hub").failures == 1


def test_one_that_cannot_be_made_for_long_is_told_of(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_runner, "backoff_s", lambda _: 0)
    store.call(sources.add, PROCUSTODIBUS, "account", {}, ADMIN, NOW_MS)
    run_until_told(store, NOW_MS)
    [alert] = store.call(reading.after, EventType.ALERTS, 0, limit=9)
    attributes = json.loads(alert.body)["attributes"]
    assert attributes["type"] == SOURCE_STALE
    assert attributes["params"]["source"] == "account"
    assert "no broker is named" in attributes["params"]["error"]


def test_a_store_that_cannot_be_read_is_read_again(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    everyone, refused = sources.load_all, [StoreError("the store is busy")]

    def refuses_once() -> list[StoredSource]:
        if refused:
            raise refused.pop()
        return everyone()

    monkeypatch.setattr(sources, "load_all", refuses_once)

    async def act(scene: Scene) -> None:
        scene.add("hub")
        scene.adapt()
        await scene.looked("hub")

    assert play(act).failures == ["which sources are to run cannot be read: the store is busy"]


def test_the_end_does_not_wait_for_a_store_that_cannot_be_read(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses() -> list[StoredSource]:
        raise StoreError("the store is busy")

    monkeypatch.setattr(sources, "load_all", refuses)

    async def act(scene: Scene) -> None:
        scene.adapt()
        await scene.until(lambda: bool(scene.failures))

    assert play(act).failures == ["which sources are to run cannot be read: the store is busy"]


def run_once(store: Store, name: str) -> None:
    """One look, in a process of its own as it were."""
    asyncio.run(
        run_one(
            name,
            store,
            DEFAULTS,
            lambda: NOW_MS,
            asyncio.Event(),
            on_failure=pytest.fail,
            once=True,
        )
    )


def test_one_look_works_also_at_a_paused_source(store: Store, tmp_path: Path) -> None:
    scene = Scene(store, tmp_path)
    scene.add("hub")
    store.call(sources.pause, "hub", ADMIN, NOW_MS)
    run_once(store, "hub")
    assert scene.health("hub").last_ok_ms == NOW_MS


@pytest.mark.parametrize("change", ["edit", "pause", "pause and unpause"])
def test_one_in_a_process_of_its_own_goes_on_telling_what_fails_after_a_change(
    play: Play, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    monkeypatch.setattr(polling, "backoff_s", lambda _: 0.01)

    async def act(scene: Scene) -> None:
        scene.add("hub", "false")
        call, stop, told = scene.store.call, asyncio.Event(), scene.failures
        running = asyncio.create_task(
            run_one("hub", scene.store, DEFAULTS, lambda: NOW_MS, stop, on_failure=told.append)
        )
        await scene.until(lambda: scene.health("hub").failures > 0)
        if change == "edit":
            call(sources.edit, "hub", {"command": "false", "every": "3s"}, ADMIN, NOW_MS)
        else:
            call(sources.pause, "hub", ADMIN, NOW_MS)
        if change == "pause and unpause":
            call(sources.unpause, "hub", ADMIN, NOW_MS)
        failures = scene.health("hub").failures
        await scene.until(lambda: scene.health("hub").failures > failures + 1)
        stop.set()
        await running

    assert play(act).health("hub").error is not None


def test_one_look_is_refused_where_there_is_none(store: Store) -> None:
    with pytest.raises(NotFound, match="no source hub"):
        run_once(store, "hub")
    store.call(sources.add, SOCKET, "socket", {}, ADMIN, NOW_MS)
    with pytest.raises(SourceError, match="waits for others"):
        run_once(store, "socket")


def test_of_a_store_that_is_gone_the_worker_tells_alone(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []

    def gone() -> list[StoredSource]:
        looked.append("")
        raise StoreGone("the store is gone")

    monkeypatch.setattr(sources, "load_all", gone)

    async def act(scene: Scene) -> None:
        scene.adapt()
        await scene.until(lambda: bool(looked))

    assert play(act).failures == []
