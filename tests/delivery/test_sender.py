"""One webhook's task."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from itertools import islice
from typing import ParamSpec

import pytest
from msgspec.structs import replace

from delivery import sender as sender_module
from delivery.network import Resolver
from delivery.outcome import MAX_ANSWER_BODY
from delivery.sender import Sender, _retry_delays
from delivery.slots import PATIENCE_S, AttemptPlace, Slots
from domain.settings import Settings
from store import webhooks
from store.database import Store
from store.errors import StoreUnavailable
from store.group_commit import GroupCommit
from store.queue import attempts, deliveries
from store.records import Work
from tests.support.certificates import Authority
from tests.support.receiver_client import Receiver
from tests.support.running_worker import QUICK, SkewedClock, hook
from tests.support.stores import ACTOR, Desk, carried, event, events
from tests.support.waiting import eventually

P = ParamSpec("P")
BYTES = 1_000_000
FEW = replace(QUICK, max_events=2)


def with_sender(
    desk: Desk,
    story: Callable[[Sender], Awaitable[None]],
    settings: Settings = FEW,
    slots: int = 4,
    places: int = 0,
    monotonic: Callable[[], float] = time.monotonic,
) -> list[str]:
    """Tell a story with a sender inside a loop; what was logged."""
    log: list[str] = []

    async def tell() -> None:
        await story(
            Sender(
                desk.store,
                settings,
                SkewedClock(),
                "worker-1",
                log.append,
                Slots(slots, places or slots, BYTES, monotonic),
            )
        )

    asyncio.run(tell())
    return log


def drained_while_more_come(
    desk: Desk, receiver: Receiver, path: str
) -> Callable[[Sender], Awaitable[None]]:
    """Return the story of a drain during whose first request two more events are accepted."""

    async def story(sender: Sender) -> None:
        run = asyncio.create_task(sender.drain(1, new_run=True, failing=False))
        await asyncio.to_thread(receiver.wait, path, count=1)
        desk.append(*events(4, 5))
        receiver.release(path)
        assert await run

    return story


def bodies(receiver: Receiver, path: str) -> list[list[int]]:
    return [carried(request.body) for request in receiver.requests(path)]


def test_a_run_ends_at_the_head_that_was_noted_at_its_start(
    desk: Desk, shared_receiver: Receiver
) -> None:
    path = "/held/run"
    desk.add(hook(shared_receiver.url(path)))
    desk.append(*events(1, 3))

    log = with_sender(desk, drained_while_more_come(desk, shared_receiver, path))
    assert bodies(shared_receiver, path) == [[1, 2], [3]]
    assert log == ["webhook 1: 2 deliveries taken, 3 events"]
    assert desk.status(1).queued == 2


@pytest.mark.parametrize(
    ("longest_s", "linger_ms", "sent"),
    [
        (60.0, 0, [[1, 2], [3, 4], [5]]),
        (-1.0, 0, [[1, 2], [3]]),
        (60.0, 1_000, [[1, 2], [3]]),
    ],
)
def test_with_an_interval_of_0_a_drain_goes_on_to_the_next_run_for_some_time(
    desk: Desk,
    shared_receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    longest_s: float,
    linger_ms: int,
    sent: list[list[int]],
) -> None:
    monkeypatch.setattr(sender_module, "LONGEST_S", longest_s)
    path = f"/held/runs-{longest_s}-{linger_ms}"
    desk.add(hook(shared_receiver.url(path)))
    desk.append(*events(1, 3))

    story = drained_while_more_come(desk, shared_receiver, path)
    with_sender(desk, story, replace(FEW, interval_ms=0, linger_ms=linger_ms))
    assert bodies(shared_receiver, path) == sent


def test_a_failure_ends_the_drain_and_is_told(desk: Desk, shared_receiver: Receiver) -> None:
    path = "/script:200,503/fails"
    desk.add(hook(shared_receiver.url(path)))
    desk.append(*events(1, 9))

    async def story(sender: Sender) -> None:
        assert await sender.drain(1, new_run=True, failing=False)

    log = with_sender(desk, story)
    assert bodies(shared_receiver, path) == [[1, 2], [3, 4]]
    assert "(2 events): answered 503 Service Unavailable; next at" in log[0]
    assert log[0].endswith("(attempt 2, retry interval 1s ±10%)")


def test_nothing_to_send_is_said(desk: Desk, shared_receiver: Receiver) -> None:
    desk.add(hook(shared_receiver.url("/ok/nothing")))

    async def story(sender: Sender) -> None:
        assert not await sender.drain(1, new_run=True, failing=False)

    with_sender(desk, story)


def test_who_is_stopping_begins_nothing(desk: Desk, shared_receiver: Receiver) -> None:
    path = "/ok/stopping"
    desk.add(hook(shared_receiver.url(path)))
    desk.append(*events(1, 1))

    async def story(sender: Sender) -> None:
        sender.stopping = True
        await sender.drain(1, new_run=True, failing=False)

    with_sender(desk, story)
    assert bodies(shared_receiver, path) == []
    assert desk.status(1).queued == 1


class WaitingCommits(GroupCommit):
    """Queue into a store that is busy: of each call it is known that it waits."""

    def __init__(self, store: Store, note: Callable[[str], None]) -> None:
        super().__init__(store)
        self._note = note

    async def run(
        self, function: Callable[P, Work | None], *args: P.args, **kwargs: P.kwargs
    ) -> Work | None:
        self._note(function.__name__)
        return await super().run(function, *args, **kwargs)


def stop(sender: Sender) -> None:
    sender.stopping = True


def lose_lock(sender: Sender) -> None:
    sender.may_send = lambda: False


@pytest.mark.parametrize("end", [stop, lose_lock])
@pytest.mark.parametrize(
    ("during", "sent", "queued"), [("start_next", [], 3), ("record", [[1, 2]], 1)]
)
def test_nothing_is_begun_after_an_end_that_came_while_the_store_was_busy(
    desk: Desk,
    shared_receiver: Receiver,
    end: Callable[[Sender], None],
    during: str,
    sent: list[list[int]],
    queued: int,
) -> None:
    path = f"/ok/busy-store-{during}-{end.__name__}"
    desk.add(hook(shared_receiver.url(path)))
    desk.append(*events(1, 3))

    async def story(sender: Sender) -> None:
        sender.commits = WaitingCommits(
            sender.store, lambda name: end(sender) if name == during else None
        )
        await sender.drain(1, new_run=True, failing=False)

    with_sender(desk, story)
    assert bodies(shared_receiver, path) == sent
    status = desk.status(1)
    assert (status.queued, status.delivered_events) == (queued, 3 - queued)
    assert desk.call(attempts.recover, "worker-2", desk.now_ms) == 0


@pytest.mark.parametrize(("nth", "sent"), [(1, []), (2, [[1, 2]])])
def test_what_was_begun_is_left_to_the_next_worker_if_the_lock_goes_before_its_request(
    desk: Desk,
    shared_receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    nth: int,
    sent: list[list[int]],
) -> None:
    path = f"/ok/lost-before-{nth}"
    desk.add(hook(shared_receiver.url(path)))
    desk.append(*events(1, 3))
    take_slot = AttemptPlace.take_slot

    async def story(sender: Sender) -> None:
        begun = 0

        async def wait_for_slot(place: AttemptPlace) -> None:
            nonlocal begun
            begun += 1
            await take_slot(place)
            if begun > nth:  # the first one is that of the place
                lose_lock(sender)

        monkeypatch.setattr(AttemptPlace, "take_slot", wait_for_slot)
        assert await sender.drain(1, new_run=True, failing=False)

    with_sender(desk, story)
    assert bodies(shared_receiver, path) == sent
    assert desk.call(attempts.recover, "worker-2", desk.now_ms) == 1
    assert carried(desk.started(1).body) == ([1, 2], [3])[nth - 1]


@pytest.mark.parametrize(
    ("waits_s", "sent"), [(0.0, [[1, 2], [3, 4], [5, 6], [7]]), (PATIENCE_S, [[1, 2]])]
)
def test_a_long_drain_lets_the_next_webhook_in_that_has_waited(
    desk: Desk, shared_receiver: Receiver, waits_s: float, sent: list[list[int]]
) -> None:
    long, short = f"/held/long/{waits_s}", f"/ok/short/{waits_s}"
    desk.add(hook(shared_receiver.url(long)))
    desk.append(*events(1, 6))
    desk.add(hook(shared_receiver.url(short)))
    desk.append(*events(7, 7))
    now_s = 0.0

    async def story(sender: Sender) -> None:
        nonlocal now_s
        first = asyncio.create_task(sender.drain(1, new_run=True, failing=False))
        await asyncio.to_thread(shared_receiver.wait, long, count=1)
        second = asyncio.create_task(sender.drain(2, new_run=True, failing=False))
        await asyncio.sleep(0)
        assert sender.slots.waiting == 1
        now_s = waits_s
        shared_receiver.release(long)
        await asyncio.gather(first, second)

    with_sender(desk, story, slots=1, monotonic=lambda: now_s)
    assert bodies(shared_receiver, short) == [[7]]
    assert bodies(shared_receiver, long) == sent
    (plan,) = (plan for plan in desk.call(attempts.plans) if plan.webhook_id == 1)
    assert (plan.cursor < plan.run_until) is (sent == [[1, 2]])


def test_bodies_are_bounded_also_when_all_begin_at_once(
    desk: Desk, shared_receiver: Receiver
) -> None:
    paths = [f"/hang/large/{number}" for number in range(1, 5)]
    for path in paths:
        desk.add(hook(shared_receiver.url(path)))
    desk.append(event(1, text="x" * (BYTES * 6 // 10)))

    async def story(sender: Sender) -> None:
        drains = [
            asyncio.create_task(sender.drain(number, new_run=True, failing=False))
            for number in range(1, 5)
        ]
        for path in paths[:2]:
            await asyncio.to_thread(shared_receiver.wait, path, count=1)
        await asyncio.to_thread(eventually, lambda: sender.slots.waiting == 2)
        for drain in drains:
            drain.cancel()
        await asyncio.gather(*drains, return_exceptions=True)

    with_sender(desk, story, slots=2, places=9)
    assert not any(bodies(shared_receiver, path) for path in paths[2:])


def test_a_webhook_that_fails_no_more_leaves_its_place_to_the_next_failing_one(
    desk: Desk, shared_receiver: Receiver
) -> None:
    healed, other = "/script:200,held,200/healed", "/503/other-failing"
    desk.add(hook(shared_receiver.url(healed)))
    desk.append(*events(1, 4))
    desk.add(hook(shared_receiver.url(other)))
    desk.append(*events(5, 5))

    async def story(sender: Sender) -> None:
        first = asyncio.create_task(sender.drain(1, new_run=True, failing=True))
        await asyncio.to_thread(shared_receiver.wait, healed, count=2)
        await sender.drain(2, new_run=True, failing=True)
        assert not first.done()
        shared_receiver.release(healed)
        await first

    with_sender(desk, story, slots=2)


def hangs_while_another_is_served(
    desk: Desk,
    healthy: Receiver,
    path: str,
    *,
    release: Callable[[], object] | None = None,
    resolver: Resolver | None = None,
) -> None:
    """With one slot the second webhook must have its answer while the first still waits."""
    desk.append(*events(1, 1))
    desk.add(hook(healthy.url(path)), start=0)

    async def story(sender: Sender) -> None:
        sender.resolver = resolver or sender.resolver
        first = asyncio.create_task(sender.drain(1, new_run=True, failing=False))
        await asyncio.sleep(0)
        assert sender.slots.under_way == 1
        await sender.drain(2, new_run=True, failing=False)
        assert not first.done()
        (release or first.cancel)()
        await asyncio.wait((first,))
        await asyncio.sleep(0)  # its connection is closed in the loop's next round

    with_sender(desk, story, slots=1, places=2)
    assert bodies(healthy, path) == [[1]]


def test_who_waits_for_an_answer_makes_room(desk: Desk, shared_receiver: Receiver) -> None:
    desk.add(hook(shared_receiver.url("/hang/makes-room")))
    hangs_while_another_is_served(desk, shared_receiver, "/ok/beside-an-answer")


def test_who_has_sent_makes_room_at_once(
    desk: Desk, shared_receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender_module, "MOST_SLOT_S", 60.0)
    desk.add(hook(shared_receiver.url("/hang/makes-room-at-once")))
    hangs_while_another_is_served(desk, shared_receiver, "/ok/beside-what-is-sent")


def test_who_waits_for_tls_makes_room(desk: Desk, shared_receiver: Receiver) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        desk.add(hook(f"https://127.0.0.1:{silent.getsockname()[1]}/"))
        path = "/ok/beside-a-handshake"
        hangs_while_another_is_served(desk, shared_receiver, path, release=silent.close)


def test_who_waits_for_a_name_makes_room(desk: Desk, shared_receiver: Receiver) -> None:
    answered = threading.Event()

    def look_up(name: str) -> tuple[str, ...]:
        answered.wait()
        raise OSError(f"no {name}")

    desk.add(hook("http://silent.example/"))
    resolver, path = Resolver(look_up), "/ok/beside-a-name"
    hangs_while_another_is_served(
        desk, shared_receiver, path, release=answered.set, resolver=resolver
    )


def test_an_outcome_is_recorded_however_long_the_store_will_not_take_it(
    desk: Desk, shared_receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once refused, the outcome alone is recorded; what follows is begun by the next turn."""
    path = "/ok/recorded-late"
    desk.add(hook(shared_receiver.url(path)))
    desk.append(*events(1, 4))
    monkeypatch.setattr(sender_module, "_retry_delays", lambda: iter([0.01] * 9))
    refusals = iter([True, True, True])
    record = attempts.record

    def refusing(*args: object, **kwargs: object) -> object:
        if next(refusals, False):
            raise StoreUnavailable("the disk is full")
        return record(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(attempts, "record", refusing)

    async def story(sender: Sender) -> None:
        await sender.drain(1, new_run=True, failing=False)

    log = with_sender(desk, story)
    assert bodies(shared_receiver, path) == [[1, 2]]
    assert desk.status(1).delivered_events == 2
    assert desk.status(1).pending is None
    assert log[:3] == ["webhook 1: cannot record its attempt yet: the disk is full"] * 3


@pytest.mark.parametrize("place", ["request_headers", "decide"])
def test_a_bug_ends_the_attempt_that_was_begun(
    desk: Desk, shared_receiver: Receiver, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    def failing(*_: object, **__: object) -> None:
        raise ValueError("Bearer secret")

    monkeypatch.setattr(sender_module, place, failing)
    desk.add(hook(shared_receiver.url(f"/ok/bug-{place}")))
    desk.append(*events(1, 1))

    async def story(sender: Sender) -> None:
        with pytest.raises(ValueError, match="Bearer secret"):
            await sender.drain(1, new_run=True, failing=False)

    with_sender(desk, story)
    pending = desk.status(1).pending
    assert pending is not None
    assert (pending.sending_since_ms, pending.attempts, pending.last_error) == (None, 1, "Bug")
    [attempt] = desk.call(deliveries.attempts, pending.id)
    assert attempt.detail.startswith("this is a bug: ValueError at test_sender.py:")
    assert (pending.next_attempt_ms or 0) > attempt.started_ms


@pytest.mark.parametrize("before", [0, 3_960, 4_050])
def test_an_answer_that_echoes_the_request_brings_no_secret_into_the_store(
    desk: Desk, shared_receiver: Receiver, before: int
) -> None:
    """Not even where the part that is kept ends in the middle of one."""
    path = f"/echo:500,{before}/{before}"
    headers = (("Authorization", f"Bearer {'0123456789abcdef' * 4}"),)
    desk.add(hook(shared_receiver.url(path), headers=headers))
    desk.append(*events(1, 1))

    async def story(sender: Sender) -> None:
        await sender.drain(1, new_run=True, failing=False)

    with_sender(desk, story)
    pending = desk.status(1).pending
    assert pending is not None
    [attempt] = desk.call(deliveries.attempts, pending.id)
    assert len(attempt.answer_body) <= MAX_ANSWER_BODY
    assert "••••cdef" in dict(attempt.answer_headers)["X-Echo"]
    assert ("••••".encode() in attempt.answer_body) is (before < 4_000)
    assert "01234567" not in f"{attempt} {attempt.answer_body.decode()}"


def test_retry_delays_never_ends_and_never_hurries() -> None:
    waits = list(islice(_retry_delays(), 50))
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (1, 30)


def test_a_ca_file_that_is_changed_in_the_middle_of_a_drain_counts_for_the_next_request(
    desk: Desk, tls_receiver: Receiver, authority: Authority
) -> None:
    path = "/held/trusted"
    fields = hook(tls_receiver.url(path), ca_file=str(authority.file))
    desk.add(fields)
    desk.append(*events(1, 4))

    async def story(sender: Sender) -> None:
        drain = asyncio.create_task(sender.drain(1, new_run=True, failing=False))
        await asyncio.to_thread(tls_receiver.wait, path, count=1)
        desk.edit(1, replace(fields, ca_file=None))
        tls_receiver.release(path)
        await drain

    log = with_sender(desk, story)
    assert bodies(tls_receiver, path) == [[1, 2]]
    assert "certificate" in log[0]


def test_a_deleted_webhook_is_sent_nothing_more(desk: Desk, shared_receiver: Receiver) -> None:
    path = "/held/deleted"
    desk.add(hook(shared_receiver.url(path)))
    desk.append(*events(1, 4))

    async def story(sender: Sender) -> None:
        drain = asyncio.create_task(sender.drain(1, new_run=True, failing=False))
        await asyncio.to_thread(shared_receiver.wait, path, count=1)
        desk.call(webhooks.delete, [1], ACTOR, desk.now_ms)
        shared_receiver.release(path)
        await drain
        assert not await sender.drain(1, new_run=False, failing=False)

    with_sender(desk, story)
    assert bodies(shared_receiver, path) == [[1, 2]]
