"""Reasons, in words, for which a webhook's events are not sent yet, and the time of the sending."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from delivery.report import CROWDED, SendingState, Waiting, failed_attempts, is_failing, waiting
from domain.webhooks import WebhookFields
from store.records import Delivery, Webhook, WebhookStatus
from tests.support.stores import ALERTS, MINUTE, NOW, fields

SENDING = SendingState(paused_by=None, worker_alive=True, interval_ms=3 * MINUTE, linger_ms=1_000)
PENDING = Delivery(
    id="msg_1",
    webhook_id=1,
    type=ALERTS,
    state="pending",
    events=50,
    bytes=18_342,
    sha256="00",
    attempts=3,
    sealed_ms=NOW - 9 * MINUTE,
    next_attempt_ms=NOW + 2 * MINUTE,
    reason="attempt 4, interval 3m",
    sending_since_ms=None,
    asked=None,
    blocked=None,
    last_status=503,
    last_error=None,
    ended_ms=None,
    ended_by=None,
)


def status(
    *,
    queued: int = 1,
    pending: Delivery | None = None,
    last_run_ms: int | None = NOW - MINUTE,
    run_open: bool = False,
    readable: bool = True,
    wanted: WebhookFields | None = None,
) -> WebhookStatus:
    return WebhookStatus(
        webhook=Webhook(1, 1, wanted or fields(), None, readable, NOW, NOW, None),
        queued=queued,
        pending=pending,
        last_run_ms=last_run_ms,
        run_open=run_open,
        delivered_events=0,
        delivered_ms=None,
        skipped_events=0,
        quarantined_events=0,
        released_events=0,
        waiting_since_ms=NOW - 500 if queued or pending else None,
        last_attempt_ms=None,
        last_status=None,
        last_error=None,
    )


def test_nothing_waits_for_nothing() -> None:
    assert waiting(status(queued=0), SENDING, NOW) == Waiting(None, None)


@pytest.mark.parametrize(
    "sending", [SENDING, replace(SENDING, paused_by="alice", worker_alive=False)]
)
def test_an_empty_queue_needs_neither_worker_nor_reason(sending: SendingState) -> None:
    assert waiting(status(queued=0), sending, NOW).reason is None


def test_a_failed_delivery_waits_as_its_last_attempt_decided() -> None:
    assert waiting(status(pending=PENDING), SENDING, NOW) == Waiting(
        "attempt 4, interval 3m", NOW + 2 * MINUTE
    )


def test_an_attempt_in_flight_is_under_way_whatever_else_holds() -> None:
    flying = replace(PENDING, attempts=4, sending_since_ms=NOW - 5_000)
    paused = replace(SENDING, paused_by="alice")
    assert waiting(status(pending=flying), paused, NOW) == Waiting("attempt 4 is under way", None)


def test_where_all_places_are_taken_what_is_due_says_so() -> None:
    crowded = replace(SENDING, crowd=1_064)
    assert waiting(status(run_open=True), crowded, NOW) == Waiting(CROWDED, NOW)
    assert waiting(status(pending=PENDING), crowded, NOW).reason == PENDING.reason
    due = replace(PENDING, next_attempt_ms=NOW)
    assert waiting(status(pending=due), crowded, NOW).reason == CROWDED


def test_what_was_asked_for_meanwhile_is_named() -> None:
    flying = replace(PENDING, attempts=4, sending_since_ms=NOW, asked="skip")
    said = waiting(status(pending=flying), SENDING, NOW).reason
    assert said == "attempt 4 is under way; skip is asked for and follows it"


def test_an_attempt_whose_worker_is_gone_is_not_under_way() -> None:
    flying = replace(PENDING, sending_since_ms=NOW)
    gone = replace(SENDING, worker_alive=False)
    assert waiting(status(pending=flying), gone, NOW) == Waiting("no worker is sending", None)


@pytest.mark.parametrize(
    ("what", "sending", "words"),
    [
        (status(wanted=fields(active=False)), SENDING, "inactive"),
        (status(), replace(SENDING, paused_by="alice from 192.0.2.7"), "alice from 192.0.2.7"),
        (status(pending=replace(PENDING, blocked="SHA-256 differs")), SENDING, "SHA-256 differs"),
        (status(readable=False), SENDING, "key file"),
        (status(), replace(SENDING, worker_alive=False), "no worker"),
        (status(), replace(SENDING, stopping=True), "is stopping"),
    ],
)
def test_what_must_change_first_has_no_time(
    what: WebhookStatus, sending: SendingState, words: str
) -> None:
    found = waiting(what, sending, NOW)
    assert words in (found.reason or "")
    assert found.next_ms is None


def test_a_run_is_due_one_interval_after_the_start_of_the_last() -> None:
    assert waiting(status(), SENDING, NOW) == Waiting("next run, interval 3m", NOW + 2 * MINUTE)


def test_the_webhooks_own_interval_counts() -> None:
    own = status(wanted=fields(interval_ms=60 * MINUTE))
    assert waiting(own, SENDING, NOW) == Waiting("next run, interval 1h", NOW + 59 * MINUTE)


def test_with_an_interval_of_0_it_goes_after_the_linger() -> None:
    own = status(wanted=fields(interval_ms=0))
    assert waiting(own, SENDING, NOW) == Waiting("next run, 1s after something waits", NOW + 500)
    at_once = replace(SENDING, interval_ms=0, linger_ms=0)
    assert waiting(status(), at_once, NOW) == Waiting(
        "next run, as soon as something waits", NOW - 500
    )


def test_a_clock_that_was_set_back_does_not_lengthen_the_wait() -> None:
    found = waiting(status(last_run_ms=NOW + 1_000 * MINUTE), SENDING, NOW)
    assert found.next_ms == NOW + 3 * MINUTE


def test_the_first_run_only_waits_for_neighbours() -> None:
    assert waiting(status(last_run_ms=None), SENDING, NOW) == Waiting("first run", NOW + 500)


def test_a_run_under_way_goes_on_at_once() -> None:
    assert waiting(status(run_open=True), SENDING, NOW).next_ms == NOW


def test_failing_is_known_from_an_attempt_that_ended() -> None:
    fresh = replace(PENDING, attempts=1, sending_since_ms=NOW, last_status=None)
    assert not is_failing(None)
    assert not is_failing(fresh)
    assert is_failing(PENDING)
    assert is_failing(replace(fresh, last_error="ConnectError"))
    assert (failed_attempts(fresh), failed_attempts(PENDING)) == (0, 3)
