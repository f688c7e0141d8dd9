"""Runs what programs hand events to: begun anew when it fails, by one process at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from sources.alone import alone, lock_file
from sources.base import Service
from sources.inlet import Inlet
from sources.polling import backoff_s, failure_sentence, ignore
from store import sources as stored_sources
from store.errors import NotFound, StoreError, StoreOvertaken

WAIT_FOR_OTHER_S = 2.0
"""How often it is looked whether another process still serves it."""


async def run_service(
    service: Service,
    inlet: Inlet,
    stop: asyncio.Event,
    *,
    on_failure: Callable[[str], None] = ignore,
) -> None:
    """Serve until `stop`; raises StoreOvertaken, and NotFound when the source was deleted."""
    failures = 0
    last = ""
    while not stop.is_set():
        with alone(lock_file(inlet.store.path, service.name)) as we_are:
            if we_are:
                sentence = await _serve(service, inlet, stop)
                failures = failures + 1 if sentence else 0
                if sentence and sentence != last:
                    on_failure(sentence)
                last = sentence
        wait_s = backoff_s(failures) if failures else WAIT_FOR_OTHER_S
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), wait_s)


async def _serve(service: Service, inlet: Inlet, stop: asyncio.Event) -> str:
    """Serve once; what went wrong, or "" after a stop."""
    try:
        await service.serve(inlet, stop)
    except (StoreOvertaken, NotFound):
        raise
    except Exception as error:
        sentence = failure_sentence(error)
        with suppress(StoreError):
            await inlet.store.run(
                stored_sources.save_failure, service.name, sentence, inlet.clock()
            )
        return sentence
    return ""
