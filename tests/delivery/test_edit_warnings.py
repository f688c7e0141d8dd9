"""Warnings of an edit's meaning for the pending delivery."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from delivery.report import drop_question, effect_on_pending, is_resealable
from domain.event_types import EventType
from domain.webhooks import WebhookFields
from domain.wording import second_text
from store.records import Delivery, Secrets, Webhook
from tests.support.stores import NOW, Desk, events, fields, new_store

WEBHOOK = Webhook(1, 1, fields(name="siem"), None, True, NOW, NOW, None)
KEPT = "The pending delivery msg_1 (2 events) keeps its body."


@pytest.fixture
def pending(tmp_path: Path) -> Delivery:
    """A delivery of two events that failed once."""
    store = new_store(tmp_path / "home" / "tocsin.db")
    desk = Desk(store)
    webhook_id = desk.add()
    desk.append(*events(1, 2))
    desk.end(desk.started(webhook_id), 503)
    found = desk.delivery("msg_1")
    store.close()
    return found


def edited(secret: str | None = None, **changes: Any) -> Webhook:
    changed: WebhookFields = replace(WEBHOOK.fields, **changes)
    return replace(WEBHOOK, fields=changed, secrets=Secrets(secret) if secret else None)


@pytest.mark.parametrize("changes", [{"name": "other"}, {"max_events": 5}, {"active": False}])
def test_what_is_no_target_changes_nothing_for_it(
    pending: Delivery, changes: dict[str, object]
) -> None:
    after = replace(WEBHOOK, fields=replace(WEBHOOK.fields, **changes))
    assert effect_on_pending(WEBHOOK, after, pending) == KEPT


@pytest.mark.parametrize(
    "after",
    [
        edited(url="https://other.example"),
        edited(headers=(("X-Foo", "bar"),)),
        edited(ca_file="/etc/own.pem"),
        edited(secret="whsec_x"),
    ],
)
def test_another_target_is_tried_at_once(pending: Delivery, after: Webhook) -> None:
    assert effect_on_pending(WEBHOOK, after, pending) == (
        KEPT[:-1] + " and is tried again now, with the new settings."
    )


def test_an_attempt_in_flight_is_not_cut(pending: Delivery) -> None:
    sending = replace(pending, sending_since_ms=NOW)
    assert "when the attempt in flight is over" in effect_on_pending(
        WEBHOOK, edited(url="https://other.example"), sending
    )


@pytest.mark.parametrize("changes", [{"interval_ms": 0}, {"retry_interval_ms": 5_000}])
def test_an_attempt_that_waits_stays_where_it_is(
    pending: Delivery, changes: dict[str, Any]
) -> None:
    after = edited(**changes)
    assert pending.next_attempt_ms is not None
    assert effect_on_pending(WEBHOOK, after, pending) == (
        f"{KEPT} Its next attempt stays at {second_text(pending.next_attempt_ms)}: "
        "`tocsin delivery retry msg_1` makes it now."
    )
    moved = edited(url="https://other.example", **changes)
    assert effect_on_pending(WEBHOOK, moved, pending).endswith("now, with the new settings.")
    sending = replace(pending, sending_since_ms=NOW)
    assert effect_on_pending(WEBHOOK, after, sending) == KEPT


def test_only_what_is_in_the_body_can_be_sealed_anew() -> None:
    assert is_resealable(WEBHOOK, edited(extra_fields=(("a", "b"),)))
    assert is_resealable(WEBHOOK, edited(max_bytes=1_000))
    assert not is_resealable(WEBHOOK, edited(url="https://other.example"))


def test_the_question_names_what_is_dropped() -> None:
    assert drop_question([(WEBHOOK, 1)], EventType.LOG_AUTHN) == (
        "Drop 1 queued event of webhook 1 (siem), to change the type from Alerts to Log Authn?"
    )
    other = replace(edited(type=EventType.ENDPOINT_STATS, name=None), id=2)
    assert drop_question([(WEBHOOK, 2), (other, 3)], EventType.LOG_AUTHN) == (
        "Drop 2 queued events of webhook 1 (siem), 3 queued events of webhook 2, "
        "to change the type from Alerts and Endpoint Stats to Log Authn?"
    )
