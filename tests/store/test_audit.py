"""Every change is written down: who, from where, what; and never a secret."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from domain.actors import Actor
from domain.event_types import EventType
from domain.filters import OfWebhook, Since, Term
from store import audit, models, settings, webhooks
from store.errors import Conflict, NotFound
from store.models import ChangeRow
from store.queue import backlog, delivery_requests
from store.records import Secrets
from store.webhook_edits import RestoreSecrets, RetireSecret, RotateSecret, SetSecret
from tests.support.stores import ACTOR, ALERTS, NOW, Desk, event, events, fields

HEADER = "Bearer 6f1d0c7e-very-secret"
OTHER_HEADER = "Bearer 93aa-other-secret"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


def noted(desk: Desk, webhook_id: int | None = None) -> list[str]:
    """The actions, oldest first."""
    terms = [] if webhook_id is None else [Term(OfWebhook(webhook_id))]
    return [change.action for change in reversed(desk.call(audit.changes, terms))]


def last(desk: Desk) -> dict[str, object]:
    return desk.call(audit.changes)[0].detail


def failed(desk: Desk, webhook_id: int) -> str:
    work = desk.started(webhook_id)
    desk.end(work, 500)
    return work.public_id


def test_a_line_says_who_from_where_when_and_what(desk: Desk) -> None:
    webhook_id = desk.add(fields(name="siem"))
    (change,) = desk.call(audit.changes)
    assert (change.user, change.login, change.address) == ("alice", "alice", "192.0.2.7")
    assert (change.at_ms, change.action, change.webhook_id) == (NOW, "webhook.add", webhook_id)
    after = change.detail["after"]
    assert isinstance(after, dict)
    assert (after["name"], after["state"], after["secret"]) == ("siem", "active", None)


Change = Callable[[Desk, int], object]

CHANGES: list[tuple[str, Change]] = [
    ("webhook.edit", lambda desk, id_: desk.edit(id_, fields(name="x"))),
    (
        "webhook.pause",
        lambda desk, id_: desk.call(webhooks.set_active, [id_], False, ACTOR, NOW),
    ),
    ("webhook.delete", lambda desk, id_: desk.call(webhooks.delete, [id_], ACTOR, NOW)),
    ("webhook.send", lambda desk, id_: desk.call(backlog.send_now, [id_], ACTOR, NOW)),
    ("webhook.skip", lambda desk, id_: desk.call(backlog.skip_backlog, id_, NOW, ACTOR, NOW)),
    (
        "delivery.retry",
        lambda desk, id_: desk.call(delivery_requests.retry, failed(desk, id_), ACTOR, NOW),
    ),
    (
        "delivery.skip",
        lambda desk, id_: desk.call(
            delivery_requests.skip, failed(desk, id_), ACTOR, NOW, idle=True
        ),
    ),
    (
        "delivery.reseal",
        lambda desk, id_: desk.call(
            delivery_requests.reseal, failed(desk, id_), ACTOR, NOW, idle=True
        ),
    ),
    ("config.set", lambda desk, id_: desk.call(settings.save, "interval", "5m", ACTOR, NOW)),
    ("worker.pause", lambda desk, id_: desk.call(settings.pause, ACTOR, NOW)),
    (
        "webhook.reveal",
        lambda desk, id_: desk.call(audit.note_alone, ACTOR, "webhook.reveal", NOW, id_),
    ),
]


@pytest.mark.parametrize(("action", "change"), CHANGES, ids=[action for action, _ in CHANGES])
def test_each_change_writes_one_line(desk: Desk, action: str, change: Change) -> None:
    webhook_id = desk.add()
    desk.append(*events(1, 3))
    change(desk, webhook_id)
    assert noted(desk) == ["webhook.add", action]


def test_what_undoes_a_change_is_noted_and_what_changes_nothing_is_not(desk: Desk) -> None:
    webhook_id = desk.add()
    for _ in range(2):
        desk.call(webhooks.set_active, [webhook_id], False, ACTOR, NOW)
    for _ in range(2):
        desk.call(webhooks.set_active, [webhook_id], True, ACTOR, NOW)
    desk.call(webhooks.delete, [webhook_id], ACTOR, NOW)
    desk.call(webhooks.undelete, [webhook_id], ACTOR, NOW)
    desk.call(settings.save, "interval", "5m", ACTOR, NOW)
    for _ in range(2):
        desk.call(settings.unset, "interval", ACTOR, NOW)
    desk.call(settings.pause, ACTOR, NOW)
    for _ in range(2):
        desk.call(settings.unpause, ACTOR, NOW)
    assert noted(desk) == [
        "webhook.add",
        "webhook.pause",
        "webhook.unpause",
        "webhook.delete",
        "webhook.undelete",
        "config.set",
        "config.unset",
        "worker.pause",
        "worker.unpause",
    ]


def test_a_dropped_backlog_is_counted_in_its_line(desk: Desk) -> None:
    webhook_id = desk.add()
    desk.append(*events(1, 3))
    desk.call(backlog.skip_backlog, webhook_id, NOW + 1, ACTOR, NOW)
    assert last(desk) == {"before_ms": NOW + 1, "events": 3}
    desk.append(*events(4, 5))
    public_id = failed(desk, webhook_id)
    desk.call(delivery_requests.skip, public_id, ACTOR, NOW, idle=False)
    assert last(desk) == {"delivery": public_id, "events": 2}
    desk.append(event(6))
    desk.edit(webhook_id, fields(EventType.LOG_AUTHN))
    assert last(desk)["dropped_events"] == 1
    desk.append(*events(1, 4, EventType.LOG_AUTHN))
    desk.call(webhooks.delete, [webhook_id], ACTOR, NOW)
    assert last(desk) == {"undelivered_events": 4}


def test_a_reseal_and_a_release_name_the_event(desk: Desk) -> None:
    webhook_id = desk.add()
    desk.append(*events(1, 3))
    public_id = failed(desk, webhook_id)
    desk.call(delivery_requests.reseal, public_id, ACTOR, NOW, idle=False, without=2, max_events=1)
    left_out = {"without": "e2", "number": 2, "max_events": 1}
    assert last(desk) == {"delivery": public_id, "events": 3, **left_out}
    desk.call(delivery_requests.release, webhook_id, ALERTS, 2, ACTOR, NOW)
    assert last(desk) == {"event": "e2", "number": 2}


def test_an_edit_shows_what_was_and_what_is(desk: Desk) -> None:
    webhook_id = desk.add(fields(name="a", max_events=3))
    desk.edit(webhook_id, fields(name="b", max_events=3, active=False))
    assert last(desk) == {
        "before": {"name": "a", "state": "active"},
        "after": {"name": "b", "state": "inactive"},
    }


def test_a_changed_secret_shows_that_it_changed_and_nothing_of_it(desk: Desk) -> None:
    webhook_id = desk.add(fields(headers=(("X-A", "short"),)), secret=SECRET)
    desk.edit(webhook_id, fields(headers=(("X-A", "other"),)), RotateSecret(OTHER_SECRET))
    masked = ["X-A: \u2022\u2022\u2022\u2022"]
    assert last(desk) == {
        "before": {"headers": masked, "secret": "set"},
        "after": {"headers": masked, "secret": "rotated"},
    }


def test_what_became_of_the_secret_is_a_word(desk: Desk) -> None:
    webhook_id = desk.add()
    changes = (
        (SetSecret(SECRET), "set"),
        (RotateSecret(OTHER_SECRET), "rotated"),
        (RetireSecret(), "retired"),
        (RestoreSecrets(Secrets(OTHER_SECRET, SECRET, NOW + 1)), "restored"),
        (SetSecret(SECRET), "replaced"),
        (SetSecret(None), "removed"),
    )
    for change, word in changes:
        desk.edit(webhook_id, fields(), change)
        before = None if word == "set" else "set"
        assert last(desk) == {"before": {"secret": before}, "after": {"secret": word}}


def test_an_edit_that_changes_nothing_leaves_no_trace(desk: Desk) -> None:
    webhook_id = desk.add(fields(name="a"), secret=SECRET)
    for change in (None, SetSecret(SECRET)):
        edited = desk.edit(webhook_id, fields(name="a"), change)
        assert (edited.webhook.revision, edited.dropped) == (1, 0)
    assert noted(desk) == ["webhook.add"]


def test_no_secret_is_in_any_line(desk: Desk) -> None:
    webhook_id = desk.add(fields(headers=(("Authorization", HEADER),)), secret=SECRET)
    other = fields(headers=(("Authorization", OTHER_HEADER),))
    desk.edit(webhook_id, other, RotateSecret(OTHER_SECRET))
    desk.edit(webhook_id, other, RetireSecret())
    desk.edit(webhook_id, fields(), SetSecret(None))
    lines = desk.call(lambda: models.rows(ChangeRow.select()))
    assert len(lines) == 4
    for secret in (HEADER, OTHER_HEADER, SECRET, OTHER_SECRET):
        assert secret.removeprefix("whsec_") not in repr(lines)
        assert secret.removeprefix("Bearer ")[:8] not in repr(lines)


def test_a_refused_change_writes_no_line(desk: Desk) -> None:
    webhook_id = desk.add()
    with pytest.raises(Conflict):
        desk.edit(webhook_id, fields(), revision=9)
    with pytest.raises(NotFound):
        desk.call(webhooks.delete, [webhook_id, 99], ACTOR, NOW)
    assert noted(desk) == ["webhook.add"]


def test_lines_of_one_webhook_since_a_time_the_newest_first(desk: Desk) -> None:
    first, second = desk.add(), desk.add()
    desk.call(webhooks.delete, [first, second], ACTOR, NOW + 5)
    assert noted(desk, first) == ["webhook.add", "webhook.delete"]
    assert [change.at_ms for change in desk.call(audit.changes)] == [NOW + 5, NOW + 5, NOW, NOW]
    assert len(desk.call(audit.changes, [Term(Since(NOW + 1))])) == 2
    assert [change.webhook_id for change in desk.call(audit.changes, limit=1)] == [second]


def test_an_account_without_login_or_address_is_noted_as_it_is(desk: Desk) -> None:
    desk.call(settings.pause, Actor("tocsin"), NOW)
    (change,) = desk.call(audit.changes)
    assert (change.user, change.login, change.address) == ("tocsin", None, None)
