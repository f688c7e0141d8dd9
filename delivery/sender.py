"""Task of one webhook: start an attempt, post, decide, record, and on to the next of the run."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain, repeat

from delivery.clock import Clock
from delivery.log import TakenLog, location_of
from delivery.network import Resolver
from delivery.outcome import Outcome
from delivery.post import Poster
from delivery.redact import secrets_of
from delivery.request import request_headers
from delivery.retry import Delivered, decide
from delivery.schedule import Schedule
from delivery.slots import MOST_SLOT_S, AttemptPlace, Slots
from domain.addresses import NetworkPolicy
from domain.ids import new_delivery_id
from domain.settings import Settings
from domain.times import rfc3339
from domain.wording import counted
from store.database import Store
from store.errors import StoreError, StoreGone
from store.group_commit import GroupCommit
from store.queue import attempts
from store.queue.shared_bodies import SharedBodies
from store.records import AttemptResult, Limits, Verdict, Work

LONGEST_S = 10.0
"""Seconds for which a drain goes on from one run to the next; the one that follows has a connection
of its own, and the settings of then."""

MOST_AT_STORE = 16
"""Drains that begin, and drains that failed, which use the store at the same time: so one that goes
on does not wait there behind a thousand of them."""


@dataclass(slots=True)
class Sender:
    """Shared state of the tasks of all webhooks. `stopping` lets no further attempt begin.

    `may_send` returns whether this worker still holds the lock. It is called before each attempt:
    in the transaction that begins it, on the store's thread, and right before its request.
    `ends_by_itself` is True for a worker that begins no run after the first of a webhook.
    """

    store: Store
    settings: Settings
    clock: Clock
    worker_id: str
    log: Callable[[str], None]
    slots: Slots
    resolver: Resolver = field(default_factory=Resolver)
    schedule: Schedule = field(default_factory=Schedule)
    starts: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_AT_STORE))
    failures: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_AT_STORE))
    stopping: bool = False
    ends_by_itself: bool = False
    runs_follow_until: dict[int, float] = field(default_factory=dict)
    may_send: Callable[[], bool] = lambda: True
    commits: GroupCommit = field(init=False)
    taken: TakenLog = field(init=False)
    shared: SharedBodies = field(default_factory=SharedBodies)

    def __post_init__(self) -> None:
        self.commits = GroupCommit(self.store)
        self.taken = TakenLog(self.log)

    async def drain(self, webhook_id: int, *, new_run: bool, failing: bool) -> bool:
        """Send one webhook's deliveries until its run ends, one fails or others want the slot.

        Returns False if there was nothing to send after all. Raises StoreError if not even the
        first attempt could be started.
        """
        most_bytes = self.settings.max_bytes
        async with self.slots.take(failing=failing, body_bytes=most_bytes) as place:
            self.runs_follow_until[webhook_id] = self.clock.monotonic() + LONGEST_S
            if not self._may_begin():
                return True
            async with self.starts:
                work = await self._start(webhook_id, new_run=new_run)
            if work is None:
                return False
            await self._send(work, place)
            return True

    def forget_bodies(self) -> None:
        """Free the bodies that webhooks shared; called when none of them is at work."""
        self.shared = SharedBodies()

    def _may_begin(self) -> bool:
        return not self.stopping and self.may_send()

    async def _send(self, first: Work, place: AttemptPlace) -> None:
        work: Work | None = first
        taken: list[int] = []
        poster: Poster | None = None
        try:
            while work is not None:
                place.hold_bytes(len(work.body))
                await place.take_slot()
                poster = await self._poster(poster, work.ca_file)
                if not self.may_send():
                    return  # the next worker begins it anew
                delivered, following = await self._attempt(work, poster, place)
                if delivered:
                    taken.append(work.count)
                    place.succeed()
                work = following
        finally:
            if poster is not None:
                await poster.close()
            if taken:
                self.taken.note(first.webhook_id, len(taken), sum(taken))

    async def _start(self, webhook_id: int, *, new_run: bool) -> Work | None:
        now_ms = self.clock.now_ms()
        if new_run:
            self.schedule.note_run(webhook_id, now_ms, self.clock.monotonic())
        return await self.commits.run(
            attempts.start_next,
            webhook_id,
            limits=self._limits(),
            new_id=self._new_id,
            vault=self.store.vault,
            now_ms=now_ms,
            shared=self.shared,
            may_begin=self._may_begin,
            new_run=new_run,
        )

    async def _attempt(
        self, work: Work, poster: Poster, place: AttemptPlace
    ) -> tuple[bool, Work | None]:
        """Make one attempt; return whether it was taken, and the work that follows at once.

        Whatever goes wrong, a started attempt is recorded: otherwise it would be shown as being
        sent until the next worker recovers it.
        """
        started_ms = self.clock.now_ms()
        try:
            outcome = await self._post(work, poster, place, started_ms)
            verdict = self._verdict(work, outcome)
            following = await self._record(work, self._result(outcome, started_ms), verdict)
        except StoreGone:
            raise  # what came of it can be kept nowhere
        except Exception as error:
            bug = Outcome(None, "Bug", f"this is a bug: {location_of(error)}", duration_ms=0)
            await self._record(work, self._result(bug, started_ms), self._after_bug(work))
            raise
        if not verdict.delivered:
            self._log_failure(work, outcome, verdict)
        if outcome.kept_was_lost and self._may_begin():
            with contextlib.suppress(StoreError):  # the next turn starts it, or says why not
                following = await self._start(work.webhook_id, new_run=False)
        return verdict.delivered, following

    async def _post(
        self, work: Work, poster: Poster, place: AttemptPlace, started_ms: int
    ) -> Outcome:
        """Send one request. The slot is held until it is sent, and for 100 ms at the most."""
        headers = request_headers(
            work.public_id,
            work.body,
            admin_headers=work.headers,
            secrets=work.secrets,
            now_ms=started_ms,
        )
        secrets = secrets_of(work.url, work.headers, work.secrets)
        aged = asyncio.get_running_loop().call_later(MOST_SLOT_S, place.make_room)
        try:
            return await poster.post(
                work.url, headers, work.body, secrets=secrets, sent=place.make_room
            )
        finally:
            aged.cancel()
            place.make_room()

    async def _record(self, work: Work, result: AttemptResult, verdict: Verdict) -> Work | None:
        """Record the outcome of an attempt, however long the store refuses it.

        An outcome is never thrown away: a forgotten 2XX is a POST too many.
        """
        go_on = verdict.delivered
        for wait_s in _retry_delays():
            try:
                if verdict.delivered:
                    return await self._record_once(work, result, verdict, go_on=go_on)
                async with self.failures:
                    return await self._record_once(work, result, verdict, go_on=False)
            except StoreGone:
                raise
            except StoreError as error:
                go_on = False
                self.log(f"webhook {work.webhook_id}: cannot record its attempt yet: {error}")
            await asyncio.sleep(wait_s)
        return None

    async def _record_once(
        self, work: Work, result: AttemptResult, verdict: Verdict, *, go_on: bool
    ) -> Work | None:
        return await self.commits.run(
            attempts.record,
            work,
            result,
            verdict,
            limits=self._limits(),
            new_id=self._new_id,
            vault=self.store.vault,
            now_ms=self.clock.now_ms(),
            shared=self.shared,
            may_begin=self._may_begin,
            go_on=go_on and not self.slots.wanted,
            new_run=self._runs_follow(work),
        )

    def _runs_follow(self, work: Work) -> bool:
        """Return whether the next run begins right after this attempt, if something waits."""
        if self.ends_by_itself or self.settings.linger_ms > 0:
            return False
        if self.settings.interval_of(work.interval_ms) > 0:
            return False
        return self.clock.monotonic() < self.runs_follow_until.get(work.webhook_id, 0.0)

    def _verdict(self, work: Work, outcome: Outcome) -> Verdict:
        now_ms = self._ended_ms(work)
        chance = self.clock.random()
        decision = decide(outcome, work.number, self._retry_interval_ms(work), now_ms, chance)
        if isinstance(decision, Delivered):
            return Verdict(delivered=True)
        return Verdict(False, decision.next_attempt_ms, decision.wait_ms, decision.reason)

    def _after_bug(self, work: Work) -> Verdict:
        wait_ms = self._retry_interval_ms(work)
        reason = f"attempt {work.number + 1}, the last one met a bug"
        return Verdict(False, self._ended_ms(work) + wait_ms, wait_ms, reason)

    def _ended_ms(self, work: Work) -> int:
        """Return the end of an attempt, noted by both clocks, since a wait counts from it."""
        now_ms = self.clock.now_ms()
        self.schedule.note_end(work.webhook_id, now_ms, self.clock.monotonic())
        return now_ms

    def _retry_interval_ms(self, work: Work) -> int:
        return self.settings.retry_interval_of(work.retry_interval_ms, work.interval_ms)

    def _result(self, outcome: Outcome, started_ms: int) -> AttemptResult:
        return AttemptResult(
            started_ms=started_ms,
            duration_ms=outcome.duration_ms,
            status=outcome.status,
            error=outcome.error,
            detail=outcome.detail,
            answer_headers=outcome.answer_headers,
            answer_body=outcome.answer_body,
            worker=self.worker_id,
        )

    def _log_failure(self, work: Work, outcome: Outcome, verdict: Verdict) -> None:
        self.log(
            f"webhook {work.webhook_id}: attempt {work.number} of {work.public_id} "
            f"({counted(work.count, 'event')}): {outcome.detail}; next at "
            f"{rfc3339(verdict.next_attempt_ms)} ({verdict.reason})"
        )

    async def _poster(self, kept: Poster | None, ca_file: str | None) -> Poster:
        """Return the poster of this drain, or a new one if the webhook's CA file has changed."""
        if kept is not None and kept.ca_file == ca_file:
            return kept
        if kept is not None:
            await kept.close()
        return make_poster(self.settings, ca_file, self.resolver)

    def _limits(self) -> Limits:
        return Limits(self.settings.max_events, self.settings.max_bytes)

    def _new_id(self) -> str:
        return new_delivery_id(self.clock.random_bytes)


def make_poster(settings: Settings, ca_file: str | None, resolver: Resolver) -> Poster:
    """Return a poster with the settings of the network."""
    return Poster(
        NetworkPolicy(settings.network_policy, settings.allow_networks),
        settings.connect_timeout_ms,
        settings.timeout_ms,
        ca_file,
        settings.proxy,
        resolver=resolver,
    )


def _retry_delays() -> Iterator[int]:
    """Return the seconds between tries to record: short at first, then half a minute, for ever."""
    return chain((1, 2, 4, 8, 16), repeat(30))
