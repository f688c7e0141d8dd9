"""Order of the list of webhooks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
from msgspec.structs import replace

from delivery.report import Report, interval_of, undelivered
from store.records import WebhookStatus
from tui.webhooks.rows import COLUMNS, receiver_of
from tui.wording import Condition, steady_condition_of

SETTLED_MS = 60_000
"""A webhook that failed and then does well for so long is sorted as healthy, whatever is typed."""


class Sorting(msgspec.Struct, frozen=True):
    """Column by which the list is sorted; by state means the worst first."""

    column: str = "state"
    descending: bool = False

    def next(self) -> Sorting:
        """Return the sorting by the column to the right."""
        names = [column.key for column in COLUMNS if column.sortable]
        return _sorting(names[(names.index(self.column) + 1) % len(names)])

    def inverted(self) -> Sorting:
        """Return the sorting in reverse."""
        return replace(self, descending=not self.descending)

    def clicked(self, column: str) -> Sorting:
        """Return the sorting after a click on a label, which reverses that of its own column."""
        return self.inverted() if column == self.column else _sorting(column)


def _sorting(column: str) -> Sorting:
    """Return the sorting by a column: counts begin with the largest."""
    return Sorting(column, descending=column == "waiting")


SORT_KEYS: dict[str, Callable[[WebhookStatus, Report], tuple[object, ...]]] = {
    "type": lambda status, _: (status.webhook.fields.type.title,),
    "receiver": lambda status, _: (receiver_of(status.webhook).lower(),),
    "waiting": lambda status, _: (undelivered(status),),
    "last": lambda status, _: (-(status.last_attempt_ms or 0),),
    "next": lambda status, report: (report.waiting(status).next_ms or 1 << 62,),
    "oldest": lambda status, _: (status.waiting_since_ms or 1 << 62,),
    "interval": lambda status, report: (interval_of(status, report.settings.interval_ms),),
}


class WebhookOrder:
    """Sorts the rows; by state, no row moves with each attempt of a faltering receiver.

    A webhook that failed stays among those that fail during a retry, and until it has done well
    for a while or the admin has left the list alone.
    """

    def __init__(self) -> None:
        self.sorting = Sorting()
        self._failed_ms: dict[int, int] = {}
        self._is_held = False

    @property
    def is_held(self) -> bool:
        """True if some rows stay among those that fail though they do well now."""
        return self._is_held

    def of(
        self, statuses: Sequence[WebhookStatus], report: Report, *, left_alone: bool = False
    ) -> list[WebhookStatus]:
        """Return the webhooks in order, equal ones by id; no row is held if `left_alone`."""
        self._note_failing(report, left_alone)
        by_state = self.sorting.column == "state"
        key = self._rank if by_state else SORT_KEYS[self.sorting.column]
        return sorted(
            sorted(statuses, key=lambda status: status.webhook.id),
            key=lambda status: key(status, report),
            reverse=self.sorting.descending,
        )

    def _note_failing(self, report: Report, left_alone: bool) -> None:
        webhooks = report.overview.webhooks
        failing = {
            status.webhook.id
            for status in webhooks
            if steady_condition_of(status) is Condition.FAILING
        }
        kept = {} if left_alone else self._failed_ms
        self._failed_ms = {**kept, **dict.fromkeys(failing, report.now_ms)}
        self._is_held = len(self._failed_ms) > len(failing)

    def _rank(self, status: WebhookStatus, report: Report) -> tuple[object, ...]:
        condition = steady_condition_of(status)
        failed_ms = self._failed_ms.get(status.webhook.id)
        recently = failed_ms is not None and report.now_ms - failed_ms < SETTLED_MS
        healed = condition is Condition.IDLE
        return (Condition.FAILING if healed and recently else condition,)
