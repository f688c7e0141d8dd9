"""Words and tones of webhooks, deliveries and workers on the screens."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from enum import IntEnum

import msgspec
from rich.cells import cell_len

from delivery.outcome import is_success
from delivery.report import Report, is_failing
from domain.event_summary import GAP, created_of, event_line
from domain.safe import safe
from domain.wording import error_word
from store.migrations.progress import Upgrade
from store.records import Delivery, StoredEvent, StoredWorker, WebhookStatus
from tui.cells import Cell, Tone


class StatusText(msgspec.Struct, frozen=True):
    """Sentence with its tone; each text of `shorter` has less of it, for a narrower line."""

    text: str
    tone: Tone
    shorter: tuple[str, ...] = ()

    @property
    def rich(self) -> tuple[str, ...]:
        """All texts but the shortest, unless there is no other."""
        return (self.text, *self.shorter)[:-1] or (self.text,)

    @property
    def harmless(self) -> StatusText:
        """The same, harmless for a terminal: names of hosts and admins come from outside."""
        return StatusText(safe(self.text), self.tone, tuple(map(safe, self.shorter)))

    def fitting(self, width: int) -> str:
        """Return the longest text that fits, or else the shortest."""
        every = (self.text, *self.shorter)
        return next((text for text in every if cell_len(text) <= width), every[-1])


OUTDATED = StatusText(
    "▲ the store is of an older Tocsin and only read: run `tocsin db upgrade`",
    "bad",
    ("▲ older store, only read: run `tocsin db upgrade`", "▲ older store, only read"),
)


class Condition(IntEnum):
    """Condition of a webhook, the worst first."""

    BLOCKED = 0
    FAILING = 1
    SENDING = 2
    WAITING = 3
    IDLE = 4
    INACTIVE = 5


_CONDITIONS: dict[Condition, Cell] = {
    Condition.BLOCKED: Cell("■ blocked", "bad"),
    Condition.FAILING: Cell("✗ failing", "bad"),
    Condition.SENDING: Cell("↑ sending", "busy"),
    Condition.WAITING: Cell("✓ active", "good"),
    Condition.IDLE: Cell("✓ active", "good"),
    Condition.INACTIVE: Cell("‖ inactive", "dim"),
}


def condition_of(status: WebhookStatus) -> Condition:
    """Return the condition of a webhook now."""
    pending = status.pending
    if not status.webhook.fields.active:
        return Condition.INACTIVE
    if pending is not None and pending.blocked is not None:
        return Condition.BLOCKED
    if pending is not None and pending.sending_since_ms is not None:
        return Condition.SENDING
    if is_failing(pending):
        return Condition.FAILING
    return Condition.WAITING if status.queued or pending else Condition.IDLE


def steady_condition_of(status: WebhookStatus) -> Condition:
    """Return the condition that is the same before, in and after an attempt, for sorting."""
    condition = condition_of(status)
    if condition is Condition.SENDING and is_failing(status.pending):
        return Condition.FAILING
    return Condition.IDLE if Condition.FAILING < condition < Condition.INACTIVE else condition


def condition_cell(condition: Condition) -> Cell:
    """Return the glyph and word of a condition."""
    return _CONDITIONS[condition]


def countdown(until_ms: int, now_ms: int) -> str:
    """Return the time left: "now", "0:07", "2:48", "1:02:03"."""
    seconds = -(-(until_ms - now_ms) // 1000)
    if seconds <= 0:
        return "now"
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def result_cell(status: int | None, error: str | None, age_ms: int | None) -> Cell:
    """Return the last answer and its age: "200 2m", "TLS 9m"."""
    if age_ms is None or (status is None and error is None):
        return Cell("-", "dim")
    answer = error_word(error) if status is None else str(status)
    tone: Tone = "dim" if status is not None and is_success(status) else "bad"
    return Cell(f"{answer} {coarse_age(age_ms)}", tone)


def time_left(until_ms: int, now_ms: int) -> str:
    """Return a countdown within a sentence: "now", "in 2:48"."""
    left = countdown(until_ms, now_ms)
    return left if left == "now" else f"in {left}"


def coarse_age(age_ms: int) -> str:
    """Return an age in one unit, so that it changes rarely: "12s", "9m", "4h", "3d"."""
    for unit, size_ms in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000)):
        if age_ms >= size_ms:
            return f"{age_ms // size_ms}{unit}"
    return f"{max(0, age_ms) // 1000}s"


def worker_line(
    report: Report | None, trouble: str | None, own_worker: str | None, locked_s: int = 0
) -> StatusText:
    """Return the status of the worker for the first line of every screen.

    `own_worker` is the id of this terminal's, None if there is none; `locked_s` the seconds for
    which the store has been locked.
    """
    if trouble is not None:
        return StatusText(f"✗ {trouble}", "bad")
    if locked_s:
        return StatusText(
            f"▲ nothing can be written: the store is locked for {locked_s}s",
            "bad",
            (f"▲ store locked for {locked_s}s",),
        )
    if report is None:
        return StatusText("", "dim")
    if report.upgrade is not None:
        return _upgrade_line(report.upgrade)
    if report.outdated:
        return OUTDATED
    if report.paused is not None:
        return StatusText(f"‖ all sending paused by {report.paused.by}", "bad")
    active = next((worker for worker in report.overview.workers if worker.active), None)
    if active is None or not report.locked:
        if own_worker is not None:
            return StatusText("○ this terminal begins to send", "dim")
        return StatusText("✗ nobody is sending", "bad")
    if report.is_old(active):
        if active.id == own_worker:
            age = coarse_age(report.now_ms - active.heartbeat_ms)
            return StatusText(f"▲ this terminal wrote nothing for {age}", "bad")
        return StatusText(f"▲ pid {active.pid} is stopped or stuck", "bad")
    if active.stopping:
        who = "this terminal" if active.id == own_worker else f"{active.kind} pid {active.pid}"
        return StatusText(f"▲ {who} is stopping", "warning")
    return sending_line(active, own_worker, _doing(report))


def _upgrade_line(upgrade: Upgrade) -> StatusText:
    share = f"{upgrade.percent} %"
    if upgrade.under_way:
        words = (f"the store is being upgraded: {share}", f"upgrading: {share}")
    else:
        words = (
            f"the upgrade of the store was interrupted at {share}",
            f"upgrade interrupted at {share}",
        )
    return StatusText(f"▲ {words[0]}", "bad", (f"▲ {words[1]}",))


def sending_line(active: StoredWorker, own_worker: str | None, doing: Sequence[str]) -> StatusText:
    """Return the sender and its work; in less room its short name, then failures and the next."""
    senders = _senders(active, own_worker)
    last = doing[-1:]  # what comes next, or what there is at least
    kept = [part for part in doing if "sending" not in part]
    shorter = [
        *((sender, doing) for sender in senders[1:]),
        (senders[-1], kept),
        (senders[-1], last),
    ]
    lines = [" · ".join([sender, *more]) for sender, more in [(senders[0], doing), *shorter]]
    return StatusText(lines[0], "good", tuple(lines[1:]))


def _senders(active: StoredWorker, own_worker: str | None) -> tuple[str, ...]:
    """Return the name of the sender, and the same in fewer words."""
    if active.id == own_worker:
        return ("● this terminal",)
    elsewhere = f" on {active.host}" if active.host != os.uname().nodename else ""
    who = f"{active.kind} pid {active.pid}"
    if own_worker is None:
        return (f"● {who}{elsewhere}", f"● {who}", f"● {active.kind}")
    return (f"○ standing by: {who}{elsewhere} sends", f"○ {who} sends", f"○ {active.kind} sends")


def _doing(report: Report) -> list[str]:
    conditions = [condition_of(status) for status in report.overview.webhooks]
    counts = (
        (conditions.count(Condition.SENDING), "sending"),
        (conditions.count(Condition.FAILING), "retrying"),
    )
    due = [report.waiting(status).next_ms for status in report.overview.webhooks]
    known = [time_ms for time_ms in due if time_ms is not None]
    doing = [f"{count} {word}" for count, word in counts if count]
    return [*doing, f"next {countdown(min(known), report.now_ms)}"] if known else doing


def state_of(delivery: Delivery) -> Cell:
    """Return the glyph of a delivery, with its tone."""
    if delivery.state == "delivered":
        return Cell("✓", "good")
    if delivery.state == "skipped":
        return Cell("↷", "warning")
    if delivery.state == "resealed":
        return Cell("↻", "dim")
    if delivery.blocked is not None:
        return Cell("■", "bad")
    if delivery.sending_since_ms is not None:
        return Cell("↑", "busy")
    return Cell("✗", "bad") if is_failing(delivery) else Cell("·", "plain")


def shared_ids(events: Iterable[StoredEvent]) -> frozenset[str]:
    """Return the ids that several of these events have."""
    return frozenset(
        id_ for id_, count in Counter(event.id for event in events).items() if count > 1
    )


def event_cell(event: StoredEvent, *, dated: bool = False) -> Cell:
    """Return an event in one line; `dated` with its `created`, which the line leaves out."""
    line = event_line(event.type, event.body)
    created = f"created {created_of(event.body)}{GAP}" if dated else ""
    return Cell(f"{created}{line.text}", line.weight)
