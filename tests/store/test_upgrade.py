"""An upgrade keeps what a released version wrote, and the bytes of what is pending."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from store import migrations, models
from store.database import Store, open_store
from store.maintenance import health, rekey
from store.models import FactRow, HeadRow, database
from store.queue import attempts
from tests.support.released_stores import MADE_MS, RELEASED, copy_of, kept, kept_by
from tests.support.stores import ACTOR, ALERTS, WORKER, Desk, event

SIEM, SLACK = 1, 2
"""A webhook with a redo and one whose delivery is pending."""


@pytest.fixture(params=RELEASED, ids=lambda folder: folder.name)
def released(request: pytest.FixtureRequest) -> Path:
    """The folder of a released version."""
    folder: Path = request.param
    return folder


@pytest.fixture
def upgraded(released: Path, tmp_path: Path) -> Iterator[Store]:
    """A copy of its store, brought up to date."""
    opened = open_store(copy_of(released, tmp_path / "home" / "tocsin.db"), migrate=True)
    yield opened
    opened.close()


def test_each_schema_has_a_store_that_was_made_under_it() -> None:
    assert [folder.name for folder in RELEASED][:1] == ["schema-1"]


def test_an_upgrade_gives_the_schema_of_today_in_a_sound_file(upgraded: Store) -> None:
    assert upgraded.call(migrations.current_version, database) == migrations.LATEST
    assert upgraded.call(lambda: database.execute_sql("PRAGMA integrity_check").fetchall()) == [
        ("ok",)
    ]
    upgraded.call(attempts.recover, WORKER, MADE_MS)
    assert upgraded.call(health.problems, upgraded.vault) == []


def test_every_table_of_the_released_store_has_rows(upgraded: Store) -> None:
    with_rows = upgraded.call(
        lambda: {model._meta.table_name for model in models.MODELS if model.select().exists()}
    )
    assert with_rows >= {
        "alert_setting",
        "attempt",
        "change",
        "client",
        "delivery",
        "draft",
        "event",
        "fact",
        "head",
        "place",
        "quarantine",
        "setting",
        "source",
        "token",
        "webhook",
        "worker",
    }


def test_an_upgrade_keeps_what_was_there(released: Path, upgraded: Store) -> None:
    now = kept(upgraded)
    for name, before in kept_by(released).items():
        assert now[name] == before, name


def test_another_key_keeps_it_too(released: Path, upgraded: Store) -> None:
    problems = upgraded.call(health.problems, upgraded.vault)
    done = upgraded.call(rekey.rekey, upgraded.vault, ACTOR, MADE_MS)
    assert (done.values > 0, done.unreadable, done.leftover) == (True, 0, False)
    now = kept(upgraded)
    for name, before in kept_by(released).items():
        if name != "changes":  # who did this is one more
            assert now[name] == before, name
    assert upgraded.call(health.problems, upgraded.vault) == problems


def test_a_pending_delivery_goes_on_as_it_was_sealed(released: Path, upgraded: Store) -> None:
    desk = Desk(upgraded)
    upgraded.call(lambda: FactRow.delete().where(FactRow.name == "paused").execute())
    sealed = next(one for one in kept_by(released)["deliveries"] if one["webhook_id"] == SLACK)
    work = desk.started(SLACK)
    assert (work.public_id, work.number) == (sealed["public_id"], sealed["attempts"] + 1)
    assert (len(work.body), work.url) == (
        sealed["bytes"],
        "https://hooks.slack.com/services/T0123ABCD/B0456EFGH/aBcDeFgHiJkLmNoPqRsTuVwX",
    )


def test_a_reseal_that_waits_is_sealed_next_with_its_headers_and_secrets(upgraded: Store) -> None:
    desk = Desk(upgraded)
    desk.ids.made = 100
    upgraded.call(lambda: FactRow.delete().where(FactRow.name == "paused").execute())
    work = desk.started(SIEM)
    assert work.count == 2
    assert work.headers[0] == ("Authorization", "Bearer siem-token-of-the-test")
    assert work.secrets


def test_the_next_event_gets_the_next_number(released: Path, upgraded: Store) -> None:
    heads = {type_: seq for type_, seq, _ in kept_by(released)["heads"]}
    Desk(upgraded).append(event(1))
    head = upgraded.call(HeadRow.get_by_id, ALERTS.value)
    assert head.seq == heads[ALERTS.value] + 1
