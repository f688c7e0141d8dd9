"""Hosts whose agents report nothing more: we are blind there, and say so."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from domain.clients import AGENT
from domain.words import second_text
from sources.inlet import Inlet
from sources.stale import Blind, StaleAlerts
from store import clients
from store import sources as stored_sources
from store.errors import NotFound, StoreError
from store.records import Client, StoredSource

LOOK_S = 30.0


def silent_since(
    client: Client, source: StoredSource, stale: StaleAlerts, now_ms: int
) -> int | None:
    """When it was heard of last, if that is too long ago."""
    if client.seen_ms is None or not source.active:
        return None
    is_stale = stale.is_stale(client.seen_ms, client.interval_ms or 0, now_ms)
    return client.seen_ms if is_stale else None


def silence_sentence(since_ms: int) -> str:
    """What an admin reads of it."""
    return (
        f"its agent reports nothing since {second_text(since_ms)}: see whether procustodibus-agent "
        "runs there and can reach us"
    )


async def watch_hosts(inlet: Inlet, stale: StaleAlerts, *, event_names: bool) -> None:
    """Look for silent hosts, without end."""
    while True:
        with suppress(StoreError):
            await note_silent_hosts(inlet, stale, event_names=event_names)
        await asyncio.sleep(LOOK_S)


async def note_silent_hosts(inlet: Inlet, stale: StaleAlerts, *, event_names: bool) -> None:
    """Let the health of each silent host say so, and an alert."""
    now_ms = inlet.clock()
    for client in await inlet.store.run(clients.everyone, AGENT):
        with suppress(NotFound):
            source = await inlet.store.run(stored_sources.find, client.name)
            since_ms = silent_since(client, source, stale, now_ms)
            if since_ms is None:
                continue
            sentence = silence_sentence(since_ms)
            whose = {"host_pub": client.host_id} | ({"host": client.name} if event_names else {})
            alert = stale.alert(Blind(client.name, since_ms, sentence, whose), now_ms)
            if alert is not None or source.error != sentence:
                await inlet.note_failure(client.name, sentence, () if alert is None else (alert,))
