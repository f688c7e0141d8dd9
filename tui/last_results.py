"""How the last attempts of webhooks went, read when somebody looks at them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine

from store import reads
from store.records import WebhookStatus
from tui.desk import Desk, Refused
from tui.webhook_rows import Results

Then = Callable[[], None]


class LastResults:
    """Gives what is known; what a new attempt made stale is read in the background.

    `run` starts a job of the screen's own; `then` paints what was read.
    """

    def __init__(
        self, desk: Desk, run: Callable[[Coroutine[None, None, None]], object], then: Then
    ) -> None:
        self._desk = desk
        self._run = run
        self._then = then
        self._known: dict[int, tuple[int, Results]] = {}
        self._stale: dict[int, int] = {}
        self._is_reading = False

    def of(self, status: WebhookStatus) -> Results:
        """The last results of a webhook as far as they are known."""
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
                results = await self._desk.read(reads.last_results, webhook_id)
                self._known[webhook_id] = (at_ms, results)
        except Refused:  # the first line of the screen tells of it
            return
        finally:
            self._is_reading = False
        self._then()
