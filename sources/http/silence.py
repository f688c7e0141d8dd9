"""Hosts whose agents report nothing more, or may not: we are blind there, and say so."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from domain.clients import AGENT
from domain.safe import safe
from domain.words import second_text
from sources.inlet import Inlet
from sources.stale import Blind, StaleAlerts
from store import clients
from store import sources as stored_sources
from store.errors import NotFound, StoreError
from store.records import Client, StoredSource

LOOK_S = 30.0
_REFUSED = "the signature of its agent is refused"


async def note_refused_host(inlet: Inlet, client: Client, address: str) -> None:
    """Let the health of a host say that its agent cannot sign in; a report that is kept ends it."""
    if client.kind != AGENT:
        return
    sentence = (
        f"{_REFUSED}: what signs in for it from {safe(address, 64)} does not have the key that was "
        f"set up; give it new files with `tocsin host renew {client.name}`"
    )
    with suppress(NotFound, StoreError):
        source = await inlet.store.run(stored_sources.find, client.name)
        if source.error != sentence:
            await inlet.note_failure(source, sentence)


def silent_since(
    client: Client, source: StoredSource, stale: StaleAlerts, now_ms: int
) -> int | None:
    """When a ping of it was last kept, if that is too long ago.

    One that has never asked for anything waits for its set-up; nothing is missed of a pause.
    """
    if client.seen_ms is None or not source.active:
        return None
    since_ms = source.last_ok_ms or source.created_ms
    waited_ms = max(since_ms, source.updated_ms)
    return since_ms if stale.is_stale(waited_ms, client.interval_ms or 0, now_ms) else None


def _blind_since(
    client: Client, source: StoredSource, stale: StaleAlerts, now_ms: int
) -> int | None:
    """Return when we last saw it, if it is refused or too long silent."""
    if _is_refused(source):
        return source.last_ok_ms or source.created_ms
    return silent_since(client, source, stale, now_ms)


def _is_refused(source: StoredSource) -> bool:
    return source.active and (source.error or "").startswith(_REFUSED)


def silence_sentence(since_ms: int) -> str:
    """What an admin reads of an agent that is not heard of."""
    return (
        f"its agent reports nothing since {second_text(since_ms)}: see whether procustodibus-agent "
        "runs there and can reach us"
    )


def _what_is_wrong(
    client: Client, source: StoredSource, since_ms: int, stale: StaleAlerts, now_ms: int
) -> str:
    """An agent that is heard of has its pings refused, which was noted as they came."""
    if _is_refused(source):
        return str(source.error)
    heard_ms = client.seen_ms or since_ms
    if stale.is_stale(heard_ms, client.interval_ms or 0, now_ms):
        return silence_sentence(heard_ms)
    return source.error or (
        f"nothing that its agent reports was kept since {second_text(since_ms)}: "
        "see the log of procustodibus-agent there"
    )


async def watch_hosts(event_names: bool, inlet: Inlet, stale: StaleAlerts) -> None:
    """Look for silent hosts, without end: also while nobody could reach us."""
    while True:
        with suppress(StoreError):
            await note_silent_hosts(inlet, stale, event_names=event_names)
        await asyncio.sleep(LOOK_S)


async def note_silent_hosts(inlet: Inlet, stale: StaleAlerts, *, event_names: bool) -> None:
    """Let the health of each host that we see nothing of say so, and an alert."""
    now_ms = inlet.clock()
    for client in await inlet.store.run(clients.everyone, AGENT):
        with suppress(NotFound):
            source = await inlet.store.run(stored_sources.find, client.name)
            since_ms = _blind_since(client, source, stale, now_ms)
            if since_ms is None:
                continue
            sentence = _what_is_wrong(client, source, since_ms, stale, now_ms)
            whose = {"host_pub": client.host_id} | ({"host": client.name} if event_names else {})
            with stale.telling(Blind(client.name, since_ms, sentence, whose), now_ms) as alert:
                if alert is not None or source.error != sentence:
                    alerts = () if alert is None else (alert,)
                    await inlet.note_failure(source, sentence, alerts)
