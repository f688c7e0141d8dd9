"""This host's WireGuard, watched beside the worker that sends while the setting says so.

Only there: a worker that stands by may lack the permission, and two that watch would tell of the
same handshakes by turns.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from domain.settings import Settings
from sources.base import run_source
from sources.wireguard.source import WireGuardSource
from store import sources as stored_sources
from store.errors import StoreError, StoreOvertaken

if TYPE_CHECKING:
    from store.database import Store

NAME = "local"


@dataclass(frozen=True, slots=True)
class _Terms:
    """By which settings it is watched; other ones need another run."""

    command: str
    every_ms: int
    min_free_disk_bytes: int


@dataclass(frozen=True, slots=True)
class _Order:
    """Watch on these terms; or don't, and forget what went wrong with it; or leave it alone."""

    watch: _Terms | None = None
    forget: bool = False


class SwitchedWireGuard:
    """Made and used inside one event loop; `adapt` never blocks."""

    def __init__(
        self,
        store: Store,
        clock: Callable[[], int],
        *,
        on_appended: Callable[[], None],
        on_failure: Callable[[str], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._on_appended = on_appended
        self._on_failure = on_failure
        self._order = _Order()
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def adapt(self, active: bool, settings: Settings) -> None:
        """Watch, or stop that, as the settings say to the worker that sends."""
        order = _order(settings) if active else _Order()
        if order == self._order:
            return
        self._order = order
        self._stop.set()
        self._stop = asyncio.Event()
        self._task = asyncio.create_task(self._follow(self._task, order, self._stop))

    async def end(self) -> None:
        """Stop watching, and wait until a look under way is over."""
        self._stop.set()
        if self._task is not None:
            await self._task

    async def _follow(
        self, before: asyncio.Task[None] | None, order: _Order, stop: asyncio.Event
    ) -> None:
        if before is not None:
            await before
        if order.watch is not None:
            with suppress(StoreOvertaken):  # the worker sees it too, and ends
                await self._watch(order.watch, stop)
        elif order.forget:
            with suppress(StoreError):  # only what is shown of a source that is off
                await self._store.run(stored_sources.forget_failure, WireGuardSource.kind, NAME)

    async def _watch(self, terms: _Terms, stop: asyncio.Event) -> None:
        await run_source(
            WireGuardSource(terms.command, name=NAME),
            store=self._store,
            every_ms=terms.every_ms,
            stop=stop,
            clock=self._clock,
            on_appended=self._on_appended,
            min_free_disk_bytes=terms.min_free_disk_bytes,
            on_failure=self._on_failure,
        )


def _order(settings: Settings) -> _Order:
    """What the worker that sends has to do."""
    if not settings.wireguard:
        return _Order(forget=True)
    return _Order(
        _Terms(
            settings.wireguard_command, settings.wireguard_every_ms, settings.min_free_disk_bytes
        )
    )
