"""This host's WireGuard is watched while the setting says so and the worker sends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from domain.settings import DEFAULTS, Settings
from sources.switched import SwitchedWireGuard
from store import sources
from store.database import Store, open_store
from store.records import StoredSource
from tests.sources.dumps import PeerRow, dump, idle

NOW_MS = 1_795_502_130_500


class Rig:
    """A dump that grows by a handshake at each look, and what was heard of it."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store = store
        self.file = folder / "dump"
        self.file.write_text(dump(idle("alice")))
        self.heard = asyncio.Event()
        self.failures: list[str] = []
        self.switch = SwitchedWireGuard(
            store, lambda: NOW_MS, on_appended=self.heard.set, on_failure=self._fail
        )

    def settings(self, **changes: object) -> Settings:
        """Settings with the source on."""
        on = replace(
            DEFAULTS, wireguard=True, wireguard_command=f"cat {self.file}", wireguard_every_ms=20
        )
        return replace(on, **changes)  # type: ignore[arg-type]

    async def handshake(self) -> None:
        """Let a peer come, and wait until that is an event."""
        self.heard.clear()
        self.file.write_text(dump(PeerRow("alice")))
        async with asyncio.timeout(10):
            await self.heard.wait()

    async def looked(self) -> None:
        """Wait until the source was watched at all."""
        await self._until(lambda: bool(self.health() and self.health()[0].last_ok_ms))

    async def failed(self) -> None:
        """Wait until a failure was told."""
        await self._until(lambda: bool(self.failures))

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not await asyncio.to_thread(condition):
                pass

    def health(self) -> list[StoredSource]:
        """How the store says that the source is."""
        return self.store.call(sources.health)

    def _fail(self, sentence: str) -> None:
        self.failures.append(sentence)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "tocsin.db")
    yield opened
    opened.close()


@pytest.fixture
def play(store: Store, tmp_path: Path) -> Callable[[Callable[[Rig], Awaitable[None]]], Rig]:
    """Runs a scene with a rig, and ends the watching."""

    def run(scene: Callable[[Rig], Awaitable[None]]) -> Rig:
        async def whole() -> Rig:
            rig = Rig(store, tmp_path)
            await scene(rig)
            await rig.switch.end()
            return rig

        return asyncio.run(whole())

    return run


Play = Callable[[Callable[[Rig], Awaitable[None]]], Rig]


def test_it_is_watched_while_it_is_on_and_the_worker_sends(play: Play) -> None:
    async def scene(rig: Rig) -> None:
        rig.switch.adapt(True, rig.settings())
        await rig.looked()
        await rig.handshake()

    assert play(scene).health()[0].accepted_events == 1


def test_nothing_is_watched_while_it_is_off_or_the_worker_stands_by(play: Play) -> None:
    async def scene(rig: Rig) -> None:
        rig.switch.adapt(False, rig.settings())
        rig.switch.adapt(True, rig.settings(wireguard=False))
        rig.switch.adapt(False, rig.settings())

    assert play(scene).health() == []


def test_another_command_is_taken_up_at_once(play: Play) -> None:
    async def scene(rig: Rig) -> None:
        rig.switch.adapt(True, rig.settings(wireguard_command="false", wireguard_every_ms=60_000))
        await rig.failed()
        rig.switch.adapt(True, rig.settings())
        await rig.looked()

    (health,) = play(scene).health()
    assert health.error is None


def test_what_is_switched_off_has_nothing_wrong_with_it(play: Play) -> None:
    async def scene(rig: Rig) -> None:
        rig.switch.adapt(True, rig.settings(wireguard_command="false"))
        await rig.failed()
        rig.switch.adapt(True, rig.settings(wireguard=False))

    rig = play(scene)
    assert "`false` failed with exit status 1" in rig.failures[0]
    assert [(one.error, one.failures) for one in rig.health()] == [(None, 0)]


def test_what_went_wrong_stays_known_while_the_worker_only_stands_by(play: Play) -> None:
    async def scene(rig: Rig) -> None:
        rig.switch.adapt(True, rig.settings(wireguard_command="false"))
        await rig.failed()
        rig.switch.adapt(False, rig.settings(wireguard_command="false"))

    assert play(scene).health()[0].error is not None
