"""Watching this host's WireGuard: switching it on takes the baseline at once, or says the cure."""

from __future__ import annotations

import asyncio

from domain.settings import Settings
from domain.words import counted
from sources.base import SourceError, run_source
from sources.wireguard.snapshot import Snapshot, StateError, decode_state
from sources.wireguard.source import WireGuardSource
from store import settings as stored_settings
from store import sources as stored_sources
from store.errors import StoreError
from store.records import Appended
from tui.desk import Desk, Refused

NAME = "wireguard"


async def switch_on(desk: Desk, settings: Settings) -> str:
    """Look once and, if that went well, let every worker watch; what was found, in a sentence.

    Raises Refused, with the reason and the cure, and then nothing is switched on.
    """
    source = WireGuardSource(settings.wireguard_command)
    before = await _watched_before(desk, source)
    appended = await _look(desk, source, settings)
    await desk.change(stored_settings.set_one, NAME, "on")
    found = await _found(desk, source)
    return f"{found}{_what_follows(appended, watched_before=before)}{_overruled(desk)}"


async def switch_off(desk: Desk) -> str:
    """Let no worker watch any more; what that means."""
    await desk.change(stored_settings.set_one, NAME, "off")
    return f"this host's WireGuard is not watched any more{_overruled(desk)}"


async def _watched_before(desk: Desk, source: WireGuardSource) -> bool:
    state = await desk.read(stored_sources.load_state, source.kind, source.name)
    return state is not None


async def _look(desk: Desk, source: WireGuardSource, settings: Settings) -> Appended:
    """Poll once. A first try that fails is told here, and is no fault of a running source."""
    try:
        return await run_source(
            source,
            store=desk.store,
            every_ms=settings.wireguard_every_ms,
            stop=asyncio.Event(),
            clock=desk.now_ms,
            on_appended=lambda: None,
            once=True,
            min_free_disk_bytes=settings.min_free_disk_bytes,
        )
    except (SourceError, StoreError) as error:
        await desk.read(stored_sources.forget_failure, source.kind, source.name)
        raise Refused(f"{error}; it stays off") from error


async def _found(desk: Desk, source: WireGuardSource) -> str:
    state = await desk.read(stored_sources.load_state, source.kind, source.name)
    try:
        return peers_text(decode_state(state).snapshot) if state is not None else "on"
    except StateError:
        return "on"


def peers_text(snapshot: Snapshot) -> str:
    """ "3 peers on wg0, 1 peer on wg1", or that there is no interface."""
    counts = [
        f"{counted(len(interface.peers), 'peer')} on {name}"
        for name, interface in sorted(snapshot.interfaces.items())
    ]
    return ", ".join(counts) or "no WireGuard interface is up yet"


def _what_follows(appended: Appended, *, watched_before: bool) -> str:
    if not watched_before:
        return "; the next handshake is the first event"
    return f"; {counted(appended.accepted, 'event')} since it was last watched"


def _overruled(desk: Desk) -> str:
    origin = desk.origin(NAME)
    return "" if origin in ("store", "default") else f". But here the value from {origin} wins"
