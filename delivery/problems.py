"""Problems of a store: the warnings of `tocsin status`, by which `--check` fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache

import msgspec

from delivery.report import (
    CROWDED,
    Report,
    failed_attempts,
    hindrance,
    interval_of,
    is_failing,
    undelivered,
    undelivered_events,
)
from domain.addresses import NetworkPolicy
from domain.headers import is_reserved
from domain.urls import mask_url
from domain.wording import counted, error_word, second_text, size_text, span_text, wait_word
from store.events.future_times import TOLERATED_MS
from store.migrations import ENCRYPTED_URLS
from store.migrations.progress import Copy
from store.presence import names_sentence
from store.records import Delivery, WebhookStatus
from store.refusals import LISTS

LISTED = 5


class TimeWords(msgspec.Struct, frozen=True):
    """Functions that write a time as text, given the time now: future, past, and duration."""

    to_come: Callable[[int, int], str]
    over: Callable[[int, int], str]
    lasting: Callable[[int, int], str]


TIMES = TimeWords(
    to_come=lambda time_ms, _: f"at {second_text(time_ms)}",
    over=lambda time_ms, _: f"at {second_text(time_ms)}",
    lasting=lambda time_ms, now_ms: (
        f"for {span_text(now_ms - time_ms)}, since {second_text(time_ms)}"
    ),
)
"""For texts that are read later, as in a log or by another program."""


def problems(report: Report, words: TimeWords = TIMES) -> list[str]:
    """Return every problem as a sentence without full stop; an empty list is a healthy store."""
    return [
        *_of_upgrade(report),
        *_of_key(report),
        *_of_sending(report, words),
        *_of_crowd(report),
        *_of_files(report),
        *_of_disk(report),
        *_of_clock(report),
        *(
            text
            for status in report.overview.webhooks
            for text in _of_webhook(status, report, words)
        ),
        *(text for item in report.overview.brokers.items() for text in _of_broker(*item, report)),
        *_of_sources(report, words),
        *_of_refused(report),
    ]


def notes(report: Report) -> list[str]:
    """Return sentences about what is no fault: events set aside, names refused today, copies."""
    return [
        *(
            _of_quarantine(status)
            for status in report.overview.webhooks
            if status.quarantined_events
        ),
        *(_of_names(group) for group in report.overview.lookalikes),
        *copy_notes(report),
    ]


def copy_notes(report: Report) -> list[str]:
    """Return a sentence about each copy that an upgrade made of the store.

    None while an upgrade is not ended: its copy is the way back.
    """
    return [] if report.upgrade is not None else [_of_copy(copy) for copy in report.copies]


def check_line(report: Report, found: list[str]) -> str:
    """Return one line in the form of monitoring plugins."""
    if found:
        more = [f"and {len(found) - LISTED} more"] if len(found) > LISTED else []
        return "FAIL - " + "; ".join([*found[:LISTED], *more])
    statuses = report.overview.webhooks
    events = counted(sum(map(undelivered, statuses)), "undelivered event")
    return f"OK - {counted(len(statuses), 'webhook')}, {events}"


def answer_text(status: int | None, error: str | None) -> str | None:
    """Return an attempt's result in a word: the answer's status, or the error in its place."""
    if status is None:
        return None if error is None else error_word(error)
    return str(status)


def _of_upgrade(report: Report) -> Iterator[str]:
    if report.upgrade is not None:
        yield report.upgrade.sentence(report.path)
    elif report.outdated:
        yield (
            f"{report.path} is of an older Tocsin: it is only read until `tocsin db upgrade`, or a "
            "worker that starts, brings it up to date"
        )


def _of_copy(copy: Copy) -> str:
    clear = ", with the URLs of webhooks in clear" if copy.schema < ENCRYPTED_URLS else ""
    return (
        f"{copy.path} ({size_text(copy.bytes)}) is the store as it was before an upgrade{clear}: "
        "delete it when you need it no more"
    )


def _of_key(report: Report) -> Iterator[str]:
    if report.overview.key_fault is not None:
        yield (
            f"{report.overview.key_fault}; until then no worker starts, and URLs, headers and "
            "secrets of webhooks cannot be read"
        )


def _of_sending(report: Report, words: TimeWords) -> Iterator[str]:
    paused = report.paused
    if paused is not None:
        lasting = words.lasting(paused.since_ms, report.now_ms)
        yield (
            f"all sending is paused by {paused.by} {lasting}: "
            "`tocsin worker unpause` goes on with it"
        )
    waiting = undelivered_events(report)
    if waiting and not report.worker_alive and not report.outdated:
        events = f"{counted(waiting, 'event')} {wait_word(waiting)}"
        yield f"nobody is sending while {events}: {_cure(report)}"


def _of_crowd(report: Report) -> Iterator[str]:
    waits = [report.waiting(status).reason == CROWDED for status in report.overview.webhooks]
    if report.overview.crowd and any(waits):
        attempts = counted(report.overview.crowd, "attempt")
        webhooks = counted(sum(waits), "webhook")
        yield (
            f"{attempts} wait for an answer, and {webhooks} for one of them to end, those that "
            "failed last first: pause webhooks whose receivers hang"
        )


def _cure(report: Report) -> str:
    stuck = [worker for worker in report.overview.workers if worker.active]
    if stuck and report.locked:
        worker = stuck[0]
        return (
            f"worker {worker.id} (pid {worker.pid} on {worker.host}) is stopped or stuck and "
            "keeps the lock on purpose: continue it or end it"
        )
    if report.overview.key_fault is not None:
        return "see to the key file, then start a worker"
    return "start a worker, with `tocsin worker` or as a service"


def _of_files(report: Report) -> Iterator[str]:
    if report.names > 1:
        yield names_sentence(report.path, report.names)


def _of_disk(report: Report) -> Iterator[str]:
    wanted = report.settings.min_free_disk_bytes
    if report.free_bytes < wanted:
        yield (
            f"only {size_text(report.free_bytes)} of disk are free, less than min_free_disk "
            f"({size_text(wanted)}): sources wait"
        )


def _of_clock(report: Report) -> Iterator[str]:
    """Yield times later than now: the clock was ahead or is behind; events may be kept longer."""
    bound_ms = report.now_ms + TOLERATED_MS
    for type_, latest in report.overview.latest.items():
        what = {"an event": latest.event_ms, "an ended delivery": latest.ended_ms}
        for name, time_ms in what.items():
            if time_ms is not None and time_ms > bound_ms:
                yield (
                    f"{type_}: {name} has a time in the future, {second_text(time_ms)}: the clock "
                    "was ahead then or is behind now; see that it is right, as with `timedatectl`"
                )


def _of_quarantine(status: WebhookStatus) -> str:
    events = status.quarantined_events
    lists = "lists it with the command that sends it"
    if events > 1:
        lists = "lists them with the commands that send them"
    return (
        f"{status.webhook.named}: {counted(events, 'event')} in quarantine: "
        f"`tocsin webhook show {status.webhook.id}` {lists}"
    )


def _of_names(group: tuple[str, ...]) -> str:
    if len(group) == 1:
        return f'the name "{group[0]}" looks empty: choose another'
    quoted = ", ".join(f'"{name}"' for name in sorted(group))
    return f"the names {quoted} look alike: change all but one of them"


def _of_broker(name: str, queued: int, report: Report) -> Iterator[str]:
    if queued > report.settings.warn_queue:
        yield (
            f"broker {name}: {counted(queued, 'event')} to pull, more than warn_queue: see whether "
            f"it runs, or give them up with `tocsin broker delete {name}`"
        )


def _of_webhook(status: WebhookStatus, report: Report, words: TimeWords) -> Iterator[str]:
    name = status.webhook.named
    events = undelivered(status)
    if events > report.settings.warn_queue:
        yield f"{name}: {counted(events, 'undelivered event')}, more than warn_queue"
    yield from _of_headers(status)
    if not status.webhook.fields.active:
        return
    hindered = (
        _hindered(status)
        or _failing(status, report, words)
        or _refused_address(status, report)
        or _waits_long(status, report, words)
    )
    if hindered is not None:
        yield f"{name}: {hindered}"


def _of_headers(status: WebhookStatus) -> Iterator[str]:
    """Yield headers that were stored before they were reserved, where headers can be read."""
    webhook = status.webhook
    for name, _ in webhook.fields.headers:
        if is_reserved(name):
            yield (
                f"{webhook.named}: it sends {name}, which may say of the body what is not so: "
                f"remove it with `tocsin webhook edit {webhook.id} --unset-header {name}`"
            )


def _hindered(status: WebhookStatus) -> str | None:
    pending = status.pending
    if pending is not None and pending.blocked is not None:
        return f"delivery {pending.id} is blocked: {pending.blocked}"
    if not status.webhook.readable:
        return "its URL, headers and secrets cannot be read: put the right key file back"
    return None


def _refused_address(status: WebhookStatus, report: Report) -> str | None:
    """Return why the address in a URL is refused; names are resolved at the attempt only."""
    settings = report.settings
    return _refusal(
        mask_url(status.webhook.fields.url), settings.network_policy, settings.allow_networks
    )


@lru_cache(4_096)
def _refusal(url: str, policy: str, allowed: tuple[str, ...]) -> str | None:
    return NetworkPolicy(policy, allowed).refused_target(url)


def _failing(status: WebhookStatus, report: Report, words: TimeWords) -> str | None:
    pending = status.pending
    if pending is None or not is_failing(pending):
        return None
    answer = answer_text(pending.last_status, pending.last_error)
    said = report.overview.last_words.get(pending.id) or answer
    return (
        f"attempt {failed_attempts(pending)} of {pending.id} "
        f"({counted(pending.events, 'event')}): {said}, "
        f"{_what_follows(status, pending, report, words)}"
    )


def _what_follows(
    status: WebhookStatus, pending: Delivery, report: Report, words: TimeWords
) -> str:
    if pending.sending_since_ms is not None and report.worker_alive:
        return f"attempt {pending.attempts} is under way"
    if pending.cut_off:
        return f"attempt {pending.attempts} was cut off and is made again"
    hindered = hindrance(status, report.sending_state)
    if hindered is not None:  # nobody makes the next one then
        return f"and {hindered}"
    next_ms = pending.next_attempt_ms or report.now_ms
    return f"next {words.to_come(next_ms, report.now_ms)} ({pending.reason})"


def _waits_long(status: WebhookStatus, report: Report, words: TimeWords) -> str | None:
    """Return a sentence for an event that waits too long: at least two intervals or lingers."""
    since_ms = status.waiting_since_ms
    if since_ms is None:
        return None
    waited_ms = report.now_ms - since_ms
    settings = report.settings
    usual_ms = max(interval_of(status, settings.interval_ms), settings.linger_ms)
    if waited_ms <= max(settings.check_age_ms, 2 * usual_ms):
        return None
    return f"an event waits {words.lasting(since_ms, report.now_ms)}"


def _of_sources(report: Report, words: TimeWords) -> Iterator[str]:
    """Yield the errors of active sources; a paused one that is run by hand reports its own."""
    for source in report.overview.sources:
        if source.active and source.error is not None:
            when = words.over(source.error_ms or report.now_ms, report.now_ms)
            yield f"source {source.name}: {source.error} ({when})"


def _of_refused(report: Report) -> Iterator[str]:
    """Yield refused events of sources that do not report them: paused, deleted or failing ones."""
    reporting = {
        source.name
        for source in report.overview.sources
        if source.active and LISTS in (source.error or "")
    }
    for name, count in report.overview.refused.items():
        if name not in reporting:
            events = f"it keeps {counted(count, 'event')} that could not be queued"
            yield f"source {name}: {events}: `tocsin refused list {name}`"
