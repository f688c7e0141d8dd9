"""Results of the last attempts of webhooks, and notices of attempts that were started here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Sequence

import msgspec

from delivery.outcome import is_success
from delivery.report import Report, hindrance, undelivered
from domain.wording import counted, error_word, wait_word
from store.queue import deliveries
from store.records import WebhookStatus
from tui.state.store_access import Refused, StoreAccess
from tui.webhooks.rows import Results
from tui.wording import time_left

Then = Callable[[], None]


class LastResults:
    """Cache of last results; those that a new attempt made stale are read in the background.

    `run` starts a job of the screen's own; `then` paints what was read.
    """

    def __init__(
        self, access: StoreAccess, run: Callable[[Coroutine[None, None, None]], object], then: Then
    ) -> None:
        self._access = access
        self._run = run
        self._then = then
        self._known: dict[int, tuple[int, Results]] = {}
        self._stale: dict[int, int] = {}
        self._is_reading = False

    def of(self, status: WebhookStatus) -> Results:
        """Return the last results of a webhook, as far as they are known."""
        webhook_id, at_ms = status.webhook.id, status.last_attempt_ms
        known_ms, results = self._known.get(webhook_id, (None, ()))
        if at_ms is not None and at_ms != known_ms:
            self._stale[webhook_id] = at_ms
            if not self._is_reading:
                self._is_reading = True
                self._run(self._read())
        return results

    async def _read(self) -> None:
        """Read what is stale, and what becomes so meanwhile; then paint once."""
        try:
            while self._stale:
                webhook_id, at_ms = self._stale.popitem()
                results = await self._access.read(deliveries.last_results, webhook_id)
                self._known[webhook_id] = (at_ms, results)
        except Refused:  # the first line of the screen shows it
            return
        finally:
            self._is_reading = False
        self._then()


FAILED = "failed"


class AttemptNews(msgspec.Struct, frozen=True):
    """End of an attempt that was started here: "delivered", "failed" or how the delivery ended."""

    end: str
    answer: str
    sentence: str


def summary(over: Sequence[AttemptNews], under_way: int) -> str:
    """Return the sentence of a single attempt, or counts of several by their end."""
    if len(over) == 1 and not under_way:
        return over[0].sentence
    counts = Counter(news.end for news in over)
    answers = dict.fromkeys(news.answer for news in over if news.end == FAILED)
    failed = counts.pop(FAILED, 0)
    parts = [f"{count:,} {end}" for end, count in counts.items()]
    if under_way:
        parts.append(f"{under_way:,} under way")
    return ", ".join([*parts, *([f"{failed:,} failed: {', '.join(answers)}"] if failed else [])])


def any_failed(over: Iterable[AttemptNews]) -> bool:
    """Return True if an attempt failed."""
    return any(news.end == FAILED for news in over)


class StartedRuns:
    """Webhooks that were sent now from here, until the first attempt of each is over."""

    def __init__(self) -> None:
        self._before: dict[int, tuple[int | None, int]] = {}
        self._over: list[AttemptNews] = []

    def watch(self, statuses: Iterable[WebhookStatus]) -> None:
        """Wait for these webhooks, as they were before."""
        self._before |= {status.webhook.id: _last_attempt(status) for status in statuses}

    def news(self, report: Report) -> tuple[str, bool] | None:
        """Return a notice of attempts that ended since the last call, and True if one failed."""
        if not self._before:
            return None
        over, waiting = [], {}
        for status in report.overview.webhooks:
            before = self._before.get(status.webhook.id)
            if before is not None and _last_attempt(status) != before:
                over.append(status)
            elif before is not None and hindrance(status, report.sending_state) is None:
                waiting[status.webhook.id] = before
        self._before = waiting
        self._over += [_news_of(status, report) for status in over]
        if not over:
            return None
        news = summary(self._over, len(self._before)), any_failed(self._over)
        if not self._before:
            self._over = []
        return news


def _last_attempt(status: WebhookStatus) -> tuple[int | None, int]:
    """Return values of which each attempt that is recorded changes one."""
    return status.last_attempt_ms, status.delivered_events


def _news_of(status: WebhookStatus, report: Report) -> AttemptNews:
    answer = str(status.last_status or error_word(status.last_error))
    name = status.webhook.named
    if status.last_status is not None and is_success(status.last_status):
        left = undelivered(status)
        more = f"; {counted(left, 'event')} still {wait_word(left)}" if left else ""
        return AttemptNews("delivered", answer, f"{name}: delivered, {answer}{more}")
    pending = status.pending
    words = (report.overview.last_words.get(pending.id) if pending else None) or answer
    next_ms = report.waiting(status).next_ms
    again = f", next {time_left(next_ms, report.now_ms)}" if next_ms is not None else ""
    return AttemptNews(FAILED, answer, f"{name}: failed: {words}{again}")
