"""A real store and the model of it, moved together; each step asserts that they agree."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from itertools import pairwise
from pathlib import Path

import pytest

from domain.event_types import EventType
from store import settings as store_settings
from store import webhook_status, webhooks
from store.database import open_store
from store.errors import Conflict, NotFound
from store.events import reading
from store.maintenance import health, prune
from store.models import DeliveryRow, HeadRow, WebhookRow, rows
from store.queue import attempts, backlog, delivery_requests, sealing
from store.records import Limits, Verdict, Work
from tests.store.queue_model import Held, Item, Model, Pending
from tests.support.stores import ACTOR, DAY, MINUTE, Desk, carried, event, fields, new_store, result

TYPES = (EventType.ALERTS, EventType.LOG_AUTHN)
RETENTION = prune.Retention(keep_events_ms=DAY, keep_deliveries_ms=3 * DAY)


class Both:
    """Emitters, a worker and an admin at work on one store and on its model."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="tocsin-queue-"))
        self.path = self.folder / "tocsin.db"
        self.access = Desk(new_store(self.path))
        self.items: dict[EventType, list[Item]] = {type_: [] for type_ in TYPES}
        self.places = 0
        self.models: dict[int, Model] = {}
        self.works: dict[int, Work] = {}
        self.held = 0
        self.paused = False
        self.pruning: prune.Pruning | None = None

    def close(self) -> None:
        self.access.store.close()
        shutil.rmtree(self.folder)

    # Emitters.

    def append(self, type_: EventType, count: int) -> None:
        fresh = []
        for _ in range(count):
            self.places += 1
            fresh.append(Item(self.places, type_, self.access.now_ms))
        batch = [event(item.place, type_) for item in fresh]
        assert self.access.append(*batch, batch[0]).accepted == count
        self.items[type_] += fresh
        for model in self.models.values():
            if model.type is type_:
                model.accept(fresh)

    def append_what_is_kept(self, type_: EventType) -> None:
        kept = self.kept(type_)
        assert self.access.append(*(event(item.place, type_) for item in kept)).accepted == 0

    def kept(self, type_: EventType) -> list[Item]:
        pruned = self.access.call(lambda: HeadRow.get_by_id(type_.value).pruned)
        return self.items[type_][pruned:]

    # The worker.

    def start(self, webhook_id: int, most: int, *, new_run: bool) -> None:
        work = self.access.start(webhook_id, limits=Limits(most, 1_000_000), new_run=new_run)
        self.started(webhook_id, work, most, new_run=new_run)

    def started(self, webhook_id: int, work: Work | None, most: int, *, new_run: bool) -> None:
        """Compare what was started with what the model says must be."""
        model = self.models[webhook_id]
        if not model.active or model.deleted_ms is not None or self.paused:
            assert work is None
            return
        if model.pending is not None:
            assert work is not None
            pending = model.pending
            pending.in_flight = True
            pending.attempts += 1
            assert (work.public_id, work.body) == (pending.id, pending.body)
        else:
            items, held = model.seal(most, new_run=new_run)
            if not items:
                assert work is None
                return
            assert work is not None
            assert carried(work.body) == [item.place for item in items]
            model.pending = Pending(work.public_id, work.body, items, held)
        assert work.number == model.pending.attempts
        self.works[webhook_id] = work

    def fail(self, webhook_id: int) -> None:
        assert self.record(webhook_id, 503, most=1, go_on=False) is None
        if webhook_id in self.models:
            self.give_up(self.models[webhook_id])

    def succeed(self, webhook_id: int, most: int, *, go_on: bool, new_run: bool = False) -> None:
        following = self.record(webhook_id, 200, most=most, go_on=go_on, new_run=new_run)
        if webhook_id not in self.models:
            assert following is None
            return
        self.models[webhook_id].deliver()
        if go_on:
            self.started(webhook_id, following, most, new_run=new_run)
        else:
            assert following is None

    def record(
        self, webhook_id: int, status: int, *, most: int, go_on: bool, new_run: bool = False
    ) -> Work | None:
        wait_ms = 0 if status == 200 else 3 * MINUTE
        return self.access.call(
            attempts.record,
            self.works.pop(webhook_id),
            result(self.access.now_ms, status),
            Verdict(status == 200, self.access.now_ms + wait_ms, wait_ms, "interval 3m"),
            limits=Limits(most, 1_000_000),
            new_id=self.access.ids,
            vault=self.access.store.vault,
            now_ms=self.access.now_ms,
            shared=self.access.shared,
            may_begin=lambda: True,
            go_on=go_on,
            new_run=new_run,
        )

    def give_up(self, model: Model) -> None:
        self.held += 1
        model.fail(self.held)

    def crash(self) -> None:
        """The worker dies with its attempts in flight."""
        self.works.clear()
        self.access.store.close()
        self.access.store = open_store(self.path)

    def take_over(self) -> None:
        """Another worker begins where the one that died ended."""
        lost = [m for m in self.models.values() if m.pending and m.pending.in_flight]
        assert self.access.call(attempts.recover, "worker-2", self.access.now_ms) == len(lost)
        for model in lost:
            self.give_up(model)

    # The admin.

    def ask(self, webhook_id: int, ask: str, most: int, *, idle: bool) -> None:
        """Skip or reseal the pending delivery, the latter perhaps without one of its events."""
        model = self.models[webhook_id]
        assert model.pending is not None
        at_once = idle or not model.pending.in_flight
        without = model.pending.items[most % len(model.pending.items)] if ask == "without" else None
        answer = self.access.call(self.request, model.pending.id, ask, most, without, idle=idle)
        assert answer == delivery_requests.RequestResult(at_once, len(model.pending.items))
        model.pending.asked = (ask, None if ask == "skip" else most, without)
        if at_once:
            self.give_up(model)

    def request(
        self, public_id: str, ask: str, most: int, without: Item | None, *, idle: bool
    ) -> delivery_requests.RequestResult:
        now_ms = self.access.now_ms
        if ask == "skip":
            return delivery_requests.skip(public_id, ACTOR, now_ms, idle=idle)
        seq = self.seq_of(without) if without else None
        return delivery_requests.reseal(
            public_id, ACTOR, now_ms, idle=idle, max_events=most, without=seq
        )

    def seq_of(self, item: Item) -> int:
        return self.items[item.type].index(item) + 1

    def release(self, webhook_id: int, which: int) -> None:
        waiting = self.waiting(self.models[webhook_id])
        held = waiting[which % len(waiting)]
        event = held.item.type, self.seq_of(held.item)
        self.access.call(delivery_requests.release, webhook_id, *event, ACTOR, self.access.now_ms)
        held.released_ms = self.access.now_ms

    def set_active(self, webhook_id: int, active: bool) -> None:
        self.access.call(webhooks.set_active, [webhook_id], active, ACTOR, self.access.now_ms)
        self.models[webhook_id].active = active

    def pause_everything_for_a_moment(self, most: int) -> None:
        """Nothing starts meanwhile, and a delivery that ends draws no other after it."""
        self.access.call(store_settings.pause, ACTOR, self.access.now_ms)
        self.paused = True
        for webhook_id in self.models:
            if webhook_id in self.works:
                self.succeed(webhook_id, most, go_on=True)
            self.start(webhook_id, most, new_run=True)
        self.access.call(store_settings.unpause, ACTOR, self.access.now_ms)
        self.paused = False

    def edit(self, webhook_id: int, type_: EventType, source: str) -> None:
        model = self.models[webhook_id]
        wanted = fields(type_, active=model.active, extra_fields=(("source", source),))
        assert self.access.edit(webhook_id, wanted).dropped == model.change_type(type_)

    def skip_backlog(self, webhook_id: int, before_ms: int) -> None:
        skipped = self.access.call(
            backlog.skip_backlog, webhook_id, before_ms, ACTOR, self.access.now_ms
        )
        assert skipped == self.models[webhook_id].skip_before(before_ms)

    def time_in_backlog(self, webhook_id: int, place: int) -> int:
        """When an event that waits was accepted; with none, now."""
        model = self.models[webhook_id]
        times = [item.received_ms for item in model.redo + model.queue]
        return times[place % len(times)] if times else self.access.now_ms

    def add(self, type_: EventType, *, from_start: bool) -> None:
        model = Model(type_)
        if from_start:
            model.accept(self.kept(type_))
        self.models[self.access.add(fields(type_), start=0 if from_start else None)] = model

    def delete(self, webhook_id: int) -> None:
        self.access.call(webhooks.delete, [webhook_id], ACTOR, self.access.now_ms)
        self.models[webhook_id].deleted_ms = self.access.now_ms

    def undelete(self) -> None:
        """Bring back every webhook that can be brought back."""
        for webhook_id, model in self.models.items():
            if model.deleted_ms is None:
                continue
            if self.access.now_ms - model.deleted_ms < webhooks.UNDELETE_MS:
                self.access.call(webhooks.undelete, [webhook_id], ACTOR, self.access.now_ms)
                model.deleted_ms = None
            else:
                with pytest.raises(Conflict):
                    self.access.call(webhooks.undelete, [webhook_id], ACTOR, self.access.now_ms)

    def prune(self) -> None:
        """Forget what may be forgotten, webhooks that were deleted long ago among it."""
        while self.access.call(prune.Pruning(RETENTION, self.access.now_ms).step):
            pass
        for webhook_id, model in list(self.models.items()):
            deleted_ms = model.deleted_ms
            if deleted_ms is not None and self.access.now_ms - deleted_ms >= webhooks.UNDELETE_MS:
                del self.models[webhook_id]
                with pytest.raises(NotFound):
                    self.access.call(webhooks.find, webhook_id, self.access.store.vault)

    def prune_a_step(self) -> None:
        """Go on with a pass of pruning that others work beside, or begin one."""
        if self.pruning is None:
            self.pruning = prune.Pruning(RETENTION, self.access.now_ms)
        if not self.access.call(self.pruning.step):
            self.pruning = None
        erased = WebhookRow.select(WebhookRow.id).where(WebhookRow.erased_ms.is_null(False))
        for (webhook_id,) in self.access.call(lambda: rows(erased)):
            self.models.pop(webhook_id, None)

    # The laws.

    def every_event_is_in_one_place_and_counted(self) -> None:
        statuses = {
            status.webhook.id: status
            for status in self.access.call(webhook_status.statuses, self.access.store.vault)
        }
        live = {id_: model for id_, model in self.models.items() if model.deleted_ms is None}
        assert statuses.keys() == live.keys()
        for webhook_id, model in live.items():
            status = statuses[webhook_id]
            pending = status.pending.events if status.pending else 0
            assert status.queued == model.queued
            assert pending == (len(model.pending.items) if model.pending else 0)
            assert status.delivered_events == len(model.delivered)
            assert status.skipped_events == model.dropped
            assert status.released_events == len(model.released)
            in_quarantine = status.quarantined_events
            assert in_quarantine == len(model.held) - len(model.released)
            finished = status.delivered_events + status.skipped_events
            assert finished + pending + status.queued + in_quarantine == model.accepted

    def a_webhook_has_one_pending_delivery_whose_bytes_never_change(self) -> None:
        pending = self.access.call(
            lambda: list(DeliveryRow.select().where(DeliveryRow.state == "pending"))
        )
        sealed = {id_: model.pending for id_, model in self.models.items() if model.pending}
        assert sorted(row.webhook_id for row in pending) == sorted(sealed)
        for row in pending:
            wanted = sealed[row.webhook_id]
            assert (row.public_id, row.attempts) == (wanted.id, wanted.attempts)
            assert (row.sending_since_ms is not None) == wanted.in_flight
            assert row.sha256 == hashlib.sha256(wanted.body).hexdigest()
            assert self.access.call(sealing.body_of, row) == wanted.body

    def nothing_undelivered_is_pruned(self) -> None:
        for type_ in TYPES:
            kept = self.access.call(reading.after, type_, 0, limit=100_000)
            ids = {one.id for one in kept}
            for model in self.models.values():
                needed = [item for item in model.undelivered() if item.type is type_]
                assert {f"e{item.place}" for item in needed} <= ids

    def every_count_is_right(self) -> None:
        assert self.access.call(health.cursors) == []

    def events_arrive_once_and_in_the_order_of_acceptance(self) -> None:
        for model in self.models.values():
            assert len(set(model.delivered)) == len(model.delivered)
            ordered = [item.place for item in model.delivered if item not in model.sent_alone]
            assert all(one < following for one, following in pairwise(ordered))

    # The end.

    def drain(self) -> None:
        """Let everything arrive: what was accepted is delivered, dropped or in quarantine."""
        self.crash()
        self.take_over()
        for webhook_id in self.live():
            model = self.models[webhook_id]
            self.set_active(webhook_id, True)
            while (work := self.access.start(webhook_id)) is not None:
                self.started(webhook_id, work, 1_000, new_run=True)
                self.succeed(webhook_id, 1, go_on=False)
            assert not model.queue
            assert not model.redo
            assert not model.pending
            assert len(model.delivered) + model.dropped + len(model.held) == model.accepted
        assert self.access.call(attempts.undelivered) == 0
        assert self.access.call(health.problems, self.access.store.vault) == []

    # Choosing.

    def live(self) -> list[int]:
        """Webhooks that are not deleted."""
        return [id_ for id_, model in self.models.items() if model.deleted_ms is None]

    def sealed(self) -> list[int]:
        """Webhooks with a pending delivery."""
        return [id_ for id_, model in self.models.items() if model.pending]

    def holding(self) -> list[int]:
        """Webhooks with something in quarantine that was not released."""
        return [id_ for id_, model in self.models.items() if self.waiting(model)]

    @staticmethod
    def waiting(model: Model) -> list[Held]:
        return [held for held in model.held if held.released_ms is None]
