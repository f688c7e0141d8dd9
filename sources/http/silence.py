"""Hosts whose agents report nothing more: we are blind there, and say so."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from domain.clients import AGENT
from domain.words import second_text
from sources.inlet import Inlet
from store import clients
from store import sources as stored_sources
from store.errors import NotFound, StoreError
from store.records import Client, StoredSource

INTERVALS = 3
LOOK_S = 30.0


def patience_ms(client: Client, least_ms: int) -> int:
    """How long a host may be silent: three of its usual intervals, and at least so long."""
    return max(least_ms, INTERVALS * (client.interval_ms or 0))


def silent_since(
    client: Client, source: StoredSource, least_ms: int, serving_since_ms: int, now_ms: int
) -> int | None:
    """When it was heard of last, if that is too long ago. Before we served nobody could report."""
    if client.seen_ms is None or not source.active:
        return None
    since_ms = max(client.seen_ms, serving_since_ms)
    return client.seen_ms if now_ms - since_ms > patience_ms(client, least_ms) else None


def silence_sentence(since_ms: int) -> str:
    """What an admin reads of it."""
    return (
        f"its agent reports nothing since {second_text(since_ms)}: see whether procustodibus-agent "
        "runs there and can reach us"
    )


async def watch_hosts(inlet: Inlet, least_ms: int) -> None:
    """Look for silent hosts, without end; none is called so before `least_ms`."""
    serving_since_ms = inlet.clock()
    while True:
        with suppress(StoreError):
            await note_silent_hosts(inlet, least_ms, serving_since_ms)
        await asyncio.sleep(LOOK_S)


async def note_silent_hosts(inlet: Inlet, least_ms: int, serving_since_ms: int) -> None:
    """Let the health of each silent host say so."""
    now_ms = inlet.clock()
    for client in await inlet.store.run(clients.everyone, AGENT):
        with suppress(NotFound):
            source = await inlet.store.run(stored_sources.find, client.name)
            since_ms = silent_since(client, source, least_ms, serving_since_ms, now_ms)
            if since_ms is None:
                continue
            sentence = silence_sentence(since_ms)
            if source.error != sentence:
                await inlet.store.run(stored_sources.save_failure, client.name, sentence, now_ms)
