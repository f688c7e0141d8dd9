"""The property of the queue: whatever happens in whatever order, the laws hold.

A real store is driven beside `queue_model.Model`. Laws 2, 3, 4, 6, 9 and 10 are checked after each
step, and at the end everything is drained: each event was delivered once, or dropped by a counted
choice, or is in quarantine.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import cast

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from domain.event_types import EventType
from store.maintenance import prune
from tests.store.queue_both import TYPES, Both
from tests.support.stores import DAY, MINUTE

types = st.sampled_from(TYPES)
picks = st.integers(0, 5)
mosts = st.integers(1, 4)
endings = st.sampled_from(["in flight", "fails", "fails", "succeeds", "goes on", "next run"])
asks = st.sampled_from(["skip", "reseal", "reseal", "without", "without"])
changes = st.sampled_from(
    ["pause", "unpause", "edit", "edit", "skip backlog", "add", "delete", "undelete", "pause all"]
)
jumps = st.sampled_from([-DAY, -MINUTE, 1, MINUTE, 11 * MINUTE, DAY + 1, 2 * DAY, 4 * DAY])


class QueueMachine(RuleBasedStateMachine):
    """Chooses what happens next. Few rules that nearly always do something reach far."""

    def __init__(self) -> None:
        super().__init__()
        self.both = Both()

    def teardown(self) -> None:
        try:
            self.both.drain()
            self.the_laws_hold()
        finally:
            self.both.close()

    @initialize(first=types, second=types)
    def begin(self, first: EventType, second: EventType) -> None:
        self.both.add(first, from_start=False)
        self.both.add(second, from_start=False)

    @rule(type_=types, count=mosts, again=st.booleans())
    def emit(self, type_: EventType, count: int, again: bool) -> None:
        self.both.append(type_, count)
        if again:
            self.both.append_what_is_kept(type_)

    @rule(pick=picks, most=mosts, new_run=st.booleans(), ending=endings)
    def attempt(self, pick: int, most: int, new_run: bool, ending: str) -> None:
        both = self.both
        webhook_id = chosen([*both.models, *(both.works.keys() - both.models)], pick)
        if webhook_id is None:
            return
        if webhook_id not in both.works:
            both.start(webhook_id, most, new_run=new_run)
        if webhook_id in both.works:
            self.end(webhook_id, most, ending)

    def end(self, webhook_id: int, most: int, ending: str) -> None:
        if ending == "fails":
            self.both.fail(webhook_id)
        elif ending != "in flight":
            goes_on, new_run = ending != "succeeds", ending == "next run"
            self.both.succeed(webhook_id, most, go_on=goes_on, new_run=new_run)

    @rule(pick=picks, most=mosts, ask=asks)
    def ask(self, pick: int, most: int, ask: str) -> None:
        webhook_id = self.failing(pick, most)
        if webhook_id is not None:
            self.both.ask(webhook_id, ask, most, idle=False)

    def failing(self, pick: int, most: int) -> int | None:
        """A webhook with a pending delivery; one is sealed if there is none, and fails."""
        both = self.both
        sealed = chosen(both.sealed(), pick)
        if sealed is not None:
            return sealed
        webhook_id = chosen(both.live(), pick)
        if webhook_id is None or not both.models[webhook_id].active:
            return None
        for count in (2, 2, 1):
            both.append(both.models[webhook_id].type, count)
            both.access.now_ms += 1
        both.start(webhook_id, most + 1, new_run=True)
        both.fail(webhook_id)
        return webhook_id

    @rule(pick=picks, most=mosts, ask=st.none() | asks)
    def crash(self, pick: int, most: int, ask: str | None) -> None:
        """The admin may ask for something before another worker takes over."""
        self.both.crash()
        webhook_id = chosen(self.both.sealed(), pick)
        if ask is not None and webhook_id is not None:
            self.both.ask(webhook_id, ask, most, idle=True)
        self.both.take_over()

    @rule(pick=picks, which=picks)
    def release(self, pick: int, which: int) -> None:
        """Release an event from quarantine, or bring one there that can be released later."""
        holding = chosen(self.both.holding(), pick)
        if holding is not None:
            self.both.release(holding, which)
        else:
            failing = self.failing(pick, 3)
            if failing is not None:
                self.both.ask(failing, "without", which, idle=False)

    @rule(pick=picks, first=mosts, part=mosts, place=picks, again=mosts, without=st.booleans())
    def skip_between_two_reseals(
        self, pick: int, first: int, part: int, place: int, again: int, without: bool
    ) -> None:
        """Put a delivery back, seal a part of it, drop some of what waits, put the part back."""
        both = self.both
        webhook_id = self.failing(pick, first)
        if webhook_id is None:
            return
        both.ask(webhook_id, "reseal", part, idle=False)
        if webhook_id in both.works or self.failing_again(webhook_id, part) is None:
            return
        both.skip_backlog(webhook_id, both.time_in_backlog(webhook_id, place))
        both.ask(webhook_id, "without" if without else "reseal", again, idle=False)

    def failing_again(self, webhook_id: int, most: int) -> int | None:
        self.both.start(webhook_id, most, new_run=False)
        if webhook_id not in self.both.works:
            return None
        self.both.fail(webhook_id)
        return webhook_id

    @rule(change=changes, pick=picks, type_=types, place=st.integers(0, 12), yes=st.booleans())
    def administer(self, change: str, pick: int, type_: EventType, place: int, yes: bool) -> None:
        both = self.both
        webhook_id = cast("int", chosen(both.live(), pick))
        if change == "pause":
            both.set_active(webhook_id, False)
        elif change == "unpause":
            both.set_active(webhook_id, True)
        elif change == "edit":
            both.edit(webhook_id, type_, "a" if yes else "b")
        elif change == "skip backlog":
            both.skip_backlog(webhook_id, both.time_in_backlog(webhook_id, place) + yes)
        elif change == "add" and len(both.models) < 3:
            both.add(type_, from_start=yes)
        elif change == "delete" and len(both.live()) > 1:
            both.delete(webhook_id)
        elif change == "undelete":
            both.undelete()
        elif change == "pause all":
            both.pause_everything_for_a_moment(1)

    @rule(jump_ms=jumps, pruning=st.sampled_from(["no", "a step", "all"]))
    def time_passes(self, jump_ms: int, pruning: str) -> None:
        self.both.access.now_ms += jump_ms
        if pruning == "all":
            self.both.prune()
        elif pruning == "a step":
            self.both.prune_a_step()

    @rule()
    def prune_a_step(self) -> None:
        self.both.prune_a_step()

    @invariant()
    def the_laws_hold(self) -> None:
        self.both.every_event_is_in_one_place_and_counted()
        self.both.a_webhook_has_one_pending_delivery_whose_bytes_never_change()
        self.both.nothing_undelivered_is_pruned()
        self.both.every_count_is_right()
        self.both.events_arrive_once_and_in_the_order_of_acceptance()


@pytest.fixture(autouse=True)
def short_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a pass of pruning take many steps."""
    monkeypatch.setattr(prune, "SLICE", 2)


def chosen(ids: Collection[int], pick: int) -> int | None:
    """One of these webhooks, if there is one."""
    return list(ids)[pick % len(ids)] if ids else None


TestQueue = QueueMachine.TestCase
TestQueue.settings = settings(
    max_examples=50,
    stateful_step_count=50,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # shrinking would outlast the time-out
)


@pytest.mark.long
def test_the_queue_for_long() -> None:
    """The same with more and longer examples."""
    more = settings(max_examples=2_000, stateful_step_count=120, deadline=None)
    run_state_machine_as_test(QueueMachine, settings=more)
