"""Runner of services: started anew after a failure, by one process at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress

from sources.factory import RunnableSource
from sources.intake import Inlet, Service
from sources.polling import LONGEST_BACKOFF_S, StaleAlertOf, backoff_s, failure_sentence, pause
from sources.process_lock import lock_file, process_lock
from sources.stale import StaleAlerts
from store.errors import NotFound, StoreError, StoreLost

WAIT_FOR_OTHER_S = 2.0
"""Seconds between checks for another process that serves it."""

HEALTHY_S = float(LONGEST_BACKOFF_S)
"""Time of a good run, after which failures are counted from the beginning."""


class Backoff:
    """Failures in a row: the wait before the next try, and whether a failure is a new one."""

    def __init__(self) -> None:
        self._failures = 0
        self._last = ""

    @property
    def wait_s(self) -> float:
        """Return the seconds to wait, longer with each failure in a row."""
        return backoff_s(self._failures)

    def failed(self, sentence: str, ran_s: float) -> bool:
        """Count a failure after a run of `ran_s`; return whether it differs from the last one."""
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
    on_failure: Callable[[str], None] = lambda _: None,
    stale_alert: StaleAlertOf = lambda *_: nullcontext(),
) -> None:
    """Serve until `stop`. Raises StoreLost, and NotFound when the source was deleted.

    `stale_alert` makes the alert about a service that has failed for long.
    """
    backoff = Backoff()
    while not stop.is_set():
        began_s = time.monotonic()
        sentence = await _serve_alone(service, inlet, stop, stale_alert)
        if sentence and backoff.failed(sentence, time.monotonic() - began_s):
            on_failure(sentence)
        await pause(stop, backoff.wait_s if sentence else WAIT_FOR_OTHER_S)


async def _serve_alone(
    service: Service, inlet: Inlet, stop: asyncio.Event, stale_alert: StaleAlertOf
) -> str:
    """Serve once, unless another process does; return the failure, or "" after a stop."""
    try:
        with process_lock(lock_file(inlet.store.path, service.name)) as is_held:
            if is_held:
                await service.serve(inlet, stop)
    except (StoreLost, NotFound):
        raise
    except Exception as error:
        sentence = failure_sentence(error)
        with suppress(StoreError):
            await inlet.note_end(sentence, stale_alert)
        return sentence
    return ""


async def serve_watched(
    runnable: RunnableSource,
    inlet: Inlet,
    stop: asyncio.Event,
    stale: StaleAlerts,
    on_failure: Callable[[str], None],
    stale_alert: StaleAlertOf,
) -> None:
    """Run a service, and beside it its watch."""
    if runnable.service is None:
        return
    watching = asyncio.create_task(_watch(runnable, inlet, stale, on_failure))
    try:
        await run_service(
            runnable.service, inlet, stop, on_failure=on_failure, stale_alert=stale_alert
        )
    finally:
        watching.cancel()


async def _watch(
    runnable: RunnableSource, inlet: Inlet, stale: StaleAlerts, on_failure: Callable[[str], None]
) -> None:
    try:
        if runnable.watch is not None:
            await runnable.watch(inlet, stale)
    except Exception as error:
        on_failure(failure_sentence(error))
