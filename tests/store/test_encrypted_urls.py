"""URLs of webhooks are secrets: encrypted, and masked wherever a part of them is kept or shown."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from msgspec.structs import replace

from store import audit, migrations, webhook_status, webhooks
from store.database import Store, open_store
from store.errors import WrongKey
from store.maintenance import backup
from store.migrations import remnants
from store.models import AttemptRow, ChangeRow, FactRow, WebhookRow, rows
from store.queue import deliveries
from store.vault import keys_in
from tests.support.released_stores import RELEASED, copy_of
from tests.support.stores import ACTOR, NOW, Desk, event, fields

SECRET = "https://hooks.slack.com/services/T0123ABCD/B0456EFGH/aBcDeFgHiJkLmNoPqRsTuVwX"
SHOWN = "https://hooks.slack.com/services/••••"
SCHEMA_1 = RELEASED[0]
SLACK = 2
KEPT_SECRET = (
    b"T0123ABCD",
    b"aBcDeFgHiJkLmNoPqRsTuVwX",
    b"query-token-of-the-test",
    b"IncomingWebhook",
    b"v2-path-secret",
    b"deleted-webhook-path-secret",
    b"erased-webhook-path-secret",
    b"left-in-a-freed-part-of-it",
)


@pytest.fixture
def older(store_path: Path) -> Path:
    """A store of schema 1 whose file also holds a URL in a page that was freed."""
    copy_of(SCHEMA_1, store_path)
    with closing(sqlite3.connect(store_path, isolation_level=None)) as file:
        file.execute("PRAGMA secure_delete = 0")
        for statement in (
            "CREATE TABLE gone (url TEXT)",
            *[
                "INSERT INTO gone VALUES ('https://a.example/b/left-in-a-freed-part-of-it'"
                " || hex(zeroblob(3000)))"
            ]
            * 20,
            "DROP TABLE gone",
        ):
            file.execute(statement)
    return store_path


def bytes_of(path: Path) -> bytes:
    """The store's file and its write-ahead log."""
    log = path.with_name(f"{path.name}-wal")
    return path.read_bytes() + (log.read_bytes() if log.exists() else b"")


def beside(path: Path) -> list[str]:
    return sorted(one.name for one in path.parent.iterdir())


def test_a_url_is_kept_encrypted_and_sent_whole(desk: Desk) -> None:
    webhook_id = desk.add(replace(fields(), url=SECRET))
    desk.append(event(1))
    work = desk.started(webhook_id)
    assert work.url == SECRET
    desk.end(work, 500)
    (attempt,) = desk.call(deliveries.attempts, work.public_id)
    assert attempt.url == SHOWN
    assert desk.call(webhooks.find, webhook_id, desk.store.vault).fields.url == SECRET
    assert [one.webhook.fields.url for one in desk.call(webhook_status.statuses, None)] == [SHOWN]
    assert b"T0123ABCD" not in bytes_of(desk.store.path)


def test_the_audit_trail_masks_it_and_tells_that_it_changed(desk: Desk) -> None:
    webhook_id = desk.add(replace(fields(), url=SECRET))
    desk.edit(webhook_id, replace(fields(), url=SECRET[:-1]))
    edited, added = desk.call(audit.changes)
    assert added.detail["after"]["url"] == SHOWN  # type: ignore[index]
    assert edited.detail == {"before": {"url": SHOWN}, "after": {"url": SHOWN}}


def test_a_url_of_which_nothing_is_hidden_needs_no_key(desk: Desk) -> None:
    webhook_id = desk.add()
    row = desk.call(WebhookRow.get_by_id, webhook_id)
    assert (row.url, row.target) == ("https://example.com/hook", None)


def test_work_and_fields_tell_no_url_to_a_traceback(desk: Desk) -> None:
    webhook_id = desk.add(replace(fields(), url=SECRET))
    desk.append(event(1))
    found = desk.call(webhooks.find, webhook_id, desk.store.vault)
    assert "T0123ABCD" not in repr(found) + repr(desk.started(webhook_id))


def test_an_upgrade_leaves_no_url_in_clear(older: Path) -> None:
    before = bytes_of(older)
    assert all(one in before for one in KEPT_SECRET)
    store = open_store(older, migrate=True)
    try:
        after = bytes_of(older)
        assert [one for one in KEPT_SECRET if one in after] == []
        assert store.call(webhooks.find, SLACK, store.vault).fields.url == SECRET
        shown = rows_of(store, AttemptRow.select(AttemptRow.url).distinct())
        assert (SHOWN,) in shown
        assert not store.call(remnants.are_there)
    finally:
        store.close()


def rows_of(store: Store, query: object) -> list[tuple[object, ...]]:
    return store.call(lambda: rows(query))


def test_an_upgrade_masks_the_audit_trail(older: Path) -> None:
    store = open_store(older, migrate=True)
    details = store.call(lambda: [row.detail for row in ChangeRow.select()])
    store.close()
    added = json.loads(details[1])["after"]
    assert (added["url"], added["headers"]) == (SHOWN, [])
    assert not [one for one in details if "T0123ABCD" in one or "v2-path-secret" in one]
    edited = json.loads(next(one for one in details if '"rotated"' in one))
    assert edited["before"] == {"url": "https://siem.example.com/ingest/••••", "secret": "set"}


def test_an_upgrade_tells_of_the_copy_that_holds_them_still(older: Path) -> None:
    store = open_store(older, migrate=True)
    store.close()
    copy = older.with_name(f"tocsin.db.before-schema-{migrations.LATEST}")
    assert store.warnings == (
        f"{copy} is the store as it was, with the URLs of webhooks in clear: "
        "delete it when you need it no more",
    )
    assert b"T0123ABCD" in copy.read_bytes()


def lose(key: Path) -> None:
    key.unlink()


def exchange(key: Path) -> None:
    key.unlink()
    key.write_bytes(Fernet.generate_key())
    key.chmod(0o400)


@pytest.mark.parametrize(("spoil", "reason"), [(lose, "is missing"), (exchange, "is not the key")])
def test_without_its_key_an_older_store_stays_as_it_is(
    older: Path, spoil: Callable[[Path], None], reason: str
) -> None:
    spoil(older.with_name("tocsin.key"))
    with closing(sqlite3.connect(older)) as file:
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before, files = older.read_bytes(), [one for one in beside(older) if "-" not in one]
    with pytest.raises(WrongKey, match=reason) as caught:
        open_store(older, migrate=True)
    assert "encrypts the URLs of webhooks with it, and nothing was changed" in str(caught.value)
    assert older.read_bytes() == before
    assert [one for one in beside(older) if "-" not in one] == files


def test_an_older_store_is_read_with_its_urls_masked(older: Path) -> None:
    store = open_store(older)
    assert store.outdated
    statuses = store.call(webhook_status.statuses, None)
    assert statuses[1].webhook.fields.url == SHOWN
    assert store.call(webhooks.find, SLACK, store.vault).fields.url == SECRET
    store.close()


def test_without_room_for_a_copy_the_rest_is_told_and_removed_later(
    older: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as full:
        full.setattr(remnants, "free_bytes", lambda _: 10_000)
        store = open_store(older, migrate=True)
        store.close()
        assert "still hold URLs of webhooks in clear" in store.warnings[-1]
        assert b"left-in-a-freed-part-of-it" in bytes_of(older)
    store = open_store(older)
    store.close()
    assert "still hold URLs of webhooks in clear" in store.warnings[-1]
    store = open_store(older, migrate=True)
    store.close()
    assert store.warnings == ()
    assert b"left-in-a-freed-part-of-it" not in bytes_of(older)


def backed_up(older: Path, *, with_key: bool) -> Path:
    """A backup that schema 1 made of its store, and another place for a new store."""
    target = older.with_name("backup.db")
    backup.backup_to(older, target)
    if with_key:
        backup.backup_key(keys_in(older.with_name("tocsin.key")), target)
    return target


def restored(saved: Path) -> Store:
    fresh = open_store(saved.parent.with_name("fresh") / "tocsin.db")
    try:
        path = fresh.path
        fresh.call(backup.restore_from, saved, path, fresh.vault.key_file, ACTOR, NOW)
    except BaseException:
        fresh.close()
        raise
    return fresh


def test_a_backup_of_before_is_restored_with_its_key(older: Path) -> None:
    fresh = restored(backed_up(older, with_key=True))
    fresh.close()
    store = open_store(fresh.path)
    assert store.call(webhooks.find, SLACK, store.vault).fields.url == SECRET
    assert b"T0123ABCD" not in bytes_of(store.path)
    assert not store.call(remnants.are_there)
    store.close()


def test_a_backup_of_before_is_not_restored_without_its_key(older: Path) -> None:
    saved = backed_up(older, with_key=False)
    with pytest.raises(WrongKey, match=f"put the key at {saved}.key"):
        restored(saved)


def test_what_a_tocsin_of_before_records_after_the_upgrade_is_masked_too(older: Path) -> None:
    """Its attempt in flight when it is overtaken, and a form that was open."""
    long_part = SECRET.rpartition("/")[2]
    detail = json.dumps({"after": {"url": SECRET}})
    with closing(open_store(older, migrate=True)) as store:
        with closing(sqlite3.connect(older, isolation_level=None)) as overtaken:
            overtaken.execute(
                "INSERT INTO attempt (delivery_id, number, url, revision, started_ms, duration_ms,"
                " detail, answer_headers, answer_body, worker)"
                " SELECT max(id), 99, ?, 1, 0, 0, ?, '[]', x'', '' FROM delivery",
                (SECRET, f"no {long_part}"),
            )
            overtaken.execute(
                "UPDATE webhook SET url = ?, headers = NULL WHERE id = ?", (SECRET, SLACK)
            )
            overtaken.execute(
                "INSERT INTO change (at_ms, user, action, webhook_id, detail)"
                " VALUES (0, 'alice', 'webhook.edit', ?, ?)",
                (SLACK, detail),
            )
        assert bytes_of(older).count(SECRET.encode()) >= 3
        store.call(migrations.mask_late, store.vault)
        assert [one for one in (b"T0123ABCD", long_part.encode()) if one in bytes_of(older)] == []
        assert store.call(webhooks.find, SLACK, store.vault).fields.url == SECRET
        assert not store.call(FactRow.get_or_none, FactRow.name == "urls_masked_to")
