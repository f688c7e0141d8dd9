"""Runs what programs hand events to: begun anew when it fails, by one process at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

from sources.intake import Inlet, Service
from sources.polling import (
    LONGEST_BACKOFF_S,
    StaleAlertOf,
    backoff_s,
    failure_sentence,
    ignore,
    no_stale_alert,
    pause,
)
from sources.process_lock import lock_file, process_lock
from store.errors import NotFound, StoreError, StoreLost

WAIT_FOR_OTHER_S = 2.0
"""How often it is looked whether another process still serves it."""

HEALTHY_S = float(LONGEST_BACKOFF_S)
"""What ran so long before it failed did well: its failures are counted from the beginning."""


class Backoff:
    """What fails again and again: what is news of it, and how long to wait for the next try."""

    def __init__(self) -> None:
        self._failures = 0
        self._last = ""

    @property
    def wait_s(self) -> float:
        """Longer with each failure in a row."""
        return backoff_s(self._failures)

    def failed(self, sentence: str, ran_s: float) -> bool:
        """Count a failure after it ran so long; whether it is another one than the last."""
        if ran_s >= HEALTHY_S:
            self._failures, self._last = 0, ""
        self._failures += 1
        is_news, self._last = sentence != self._last, sentence
        return is_news


async def run_service(
    service: Service,
    inlet: Inlet,
    stop: asyncio.Event,
    *,
    on_failure: Callable[[str], None] = ignore,
    blindness: StaleAlertOf = no_stale_alert,
) -> None:
    """Serve until `stop`; raises StoreLost, and NotFound when the source was deleted.

    `blindness` says what to tell of one that cannot serve for long.
    """
    tries = Backoff()
    while not stop.is_set():
        began_s = time.monotonic()
        sentence = await _serve_alone(service, inlet, stop, blindness)
        if sentence and tries.failed(sentence, time.monotonic() - began_s):
            on_failure(sentence)
        await pause(stop, tries.wait_s if sentence else WAIT_FOR_OTHER_S)


async def _serve_alone(
    service: Service, inlet: Inlet, stop: asyncio.Event, blindness: StaleAlertOf
) -> str:
    """Serve once, unless another process does; what went wrong, or "" after a stop."""
    try:
        with process_lock(lock_file(inlet.store.path, service.name)) as we_are:
            if we_are:
                await service.serve(inlet, stop)
    except (StoreLost, NotFound):
        raise
    except Exception as error:
        sentence = failure_sentence(error)
        with suppress(StoreError):
            await inlet.note_end(sentence, blindness)
        return sentence
    return ""
