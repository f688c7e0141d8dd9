"""Drafts: each login's own, unreadable in the file, forgotten some day."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from domain.actors import Actor
from store import drafts
from store.database import Store
from store.errors import WrongKey
from store.models import ChangeRow
from store.vault import Vault, new_key
from tests.support.stores import DAY, NOW

ALICE = Actor("tocsin", "alice", "192.0.2.7")
ALICE_ELSEWHERE = Actor("alice", None, "192.0.2.8")
BOB = Actor("tocsin", "bob")


def save(store: Store, actor: Actor, text: str, *, subject: str = "new", now_ms: int = NOW) -> None:
    store.call(drafts.save, subject, text, vault=store.vault, actor=actor, now_ms=now_ms)


def load(store: Store, actor: Actor, subject: str = "new") -> drafts.StoredDraft | None:
    return store.call(drafts.load, subject, vault=store.vault, actor=actor)


def test_a_draft_is_the_logins_own_whatever_account_it_works_as(store: Store) -> None:
    save(store, ALICE, "of alice")
    save(store, BOB, "of bob", now_ms=NOW + 1)
    assert load(store, ALICE_ELSEWHERE) == drafts.StoredDraft("of alice", NOW)
    assert load(store, BOB) == drafts.StoredDraft("of bob", NOW + 1)


def test_there_is_one_draft_of_a_subject(store: Store) -> None:
    save(store, ALICE, "first")
    save(store, ALICE, "of webhook 3", subject="3")
    save(store, ALICE, "second", now_ms=NOW + 1)
    assert load(store, ALICE) == drafts.StoredDraft("second", NOW + 1)
    assert load(store, ALICE, "3") == drafts.StoredDraft("of webhook 3", NOW)
    assert load(store, ALICE, "4") is None


def test_dropping_takes_only_that_draft(store: Store) -> None:
    save(store, ALICE, "mine")
    save(store, ALICE, "of webhook 3", subject="3")
    save(store, BOB, "of bob")
    store.call(drafts.drop, "new", NOW, actor=ALICE, now_ms=NOW)
    assert load(store, ALICE) is None
    assert load(store, ALICE, "3") is not None
    assert load(store, BOB) is not None


def test_what_was_saved_anew_meanwhile_is_not_dropped(store: Store) -> None:
    save(store, ALICE, "here")
    save(store, ALICE, "on another terminal", now_ms=NOW + 1)
    store.call(drafts.drop, "new", NOW, actor=ALICE, now_ms=NOW + 2)
    assert load(store, ALICE) == drafts.StoredDraft("on another terminal", NOW + 1)


def test_a_draft_is_rewritten_only_as_it_was_saved(store: Store) -> None:
    def rewrite(text: str, at_ms: int) -> None:
        vault, now_ms = store.vault, NOW + 2
        store.call(drafts.rewrite, "new", text, at_ms, vault=vault, actor=ALICE, now_ms=now_ms)

    save(store, ALICE, "typed")
    rewrite("free", NOW)
    assert load(store, ALICE) == drafts.StoredDraft("free", NOW)
    save(store, ALICE, "on another terminal", now_ms=NOW + 1)
    rewrite("free", NOW)
    assert load(store, ALICE) == drafts.StoredDraft("on another terminal", NOW + 1)


@pytest.mark.parametrize("age_ms", [30 * DAY, 30 * DAY + 1])
def test_what_is_older_than_thirty_days_goes_with_the_next_save(store: Store, age_ms: int) -> None:
    save(store, BOB, "old")
    save(store, ALICE, "new", now_ms=NOW + age_ms)
    assert (load(store, BOB) is None) is (age_ms > 30 * DAY)


def test_a_draft_cannot_be_read_in_the_file_nor_with_another_key(
    store: Store, store_path: Path
) -> None:
    save(store, ALICE, "Authorization: Bearer hunter2")
    with closing(sqlite3.connect(store_path)) as file:
        assert b"hunter2" not in file.execute("SELECT text FROM draft").fetchone()[0]
    stranger = Vault(store_path.with_name("other.key"), store_path)
    stranger.write_key(new_key())
    with pytest.raises(WrongKey):
        store.call(drafts.load, "new", vault=stranger, actor=ALICE)


def test_a_stored_draft_hides_its_text_in_a_traceback() -> None:
    assert "hunter2" not in repr(drafts.StoredDraft("hunter2", NOW))


def test_saving_a_draft_is_no_change_of_the_audit_trail(store: Store) -> None:
    save(store, ALICE, "mine")
    assert store.call(lambda: ChangeRow.select().count()) == 0
