"""The key: made once, never in the database; without it all is seen and nothing overwritten."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from domain.webhooks import WebhookFields
from store import audit, models, webhooks
from store.database import Store, open_store
from store.errors import StoreUnavailable, WrongKey
from store.maintenance import health
from store.models import WebhookRow
from store.webhook_edits import RotateSecret, SetSecret
from tests.support.stores import ACTOR, NOW, Desk, event, fields

HEADER = "Bearer 6f1d0c7e-very-secret"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
WITH_SECRETS = fields(name="siem", headers=(("Authorization", HEADER), ("X-Foo", "bar & baz")))


@pytest.fixture
def closed(store_path: Path) -> Path:
    """A store with a webhook that has secrets, closed again."""
    store = open_store(store_path)
    desk = Desk(store)
    webhook_id = desk.add(WITH_SECRETS, secret=SECRET)
    desk.edit(webhook_id, WITH_SECRETS, RotateSecret(OTHER_SECRET))
    desk.add(fields(name="plain"))
    desk.append(event(1))
    store.close()
    return store_path


def key_of(path: Path) -> Path:
    return path.with_name("tocsin.key")


def new_key(path: Path) -> None:
    """Put another key in the place of the right one."""
    key_of(path).unlink()
    key_of(path).write_bytes(Fernet.generate_key())
    key_of(path).chmod(0o400)


def lose_key(path: Path) -> None:
    key_of(path).unlink()


def open_to_others(path: Path) -> None:
    key_of(path).chmod(0o444)


def empty_key(path: Path) -> None:
    key_of(path).chmod(0o600)
    key_of(path).write_bytes(b"\n")


BROKEN = [
    (new_key, "is not the key of"),
    (lose_key, "is missing: put it back"),
    (open_to_others, r"can be read by others \(mode 0444\): run `chmod 0400 "),
    (empty_key, "holds no key"),
]
broken = pytest.mark.parametrize(("spoil", "sentence"), BROKEN)


def test_the_key_is_made_once_and_only_its_owner_may_read_it(store_path: Path) -> None:
    open_store(store_path).close()
    key = key_of(store_path).read_bytes()
    assert stat.S_IMODE(key_of(store_path).stat().st_mode) == 0o400
    open_store(store_path).close()
    assert key_of(store_path).read_bytes() == key
    assert sorted(file.name for file in store_path.parent.iterdir()) == ["tocsin.db", "tocsin.key"]


def test_a_key_may_lie_elsewhere(tmp_path: Path) -> None:
    key_file = tmp_path / "keys" / "key"
    store = open_store(tmp_path / "home" / "tocsin.db", key_file=key_file)
    Desk(store).add(WITH_SECRETS, secret=SECRET)
    store.close()
    assert not (tmp_path / "home" / "tocsin.key").exists()
    assert stat.S_IMODE(key_file.parent.stat().st_mode) == 0o700


def test_nothing_secret_is_in_the_files_of_the_database(store: Store) -> None:
    desk = Desk(store)
    webhook_id = desk.add(WITH_SECRETS, secret=SECRET)
    desk.edit(webhook_id, WITH_SECRETS, RotateSecret(OTHER_SECRET))
    desk.append(event(1))
    work = desk.started(webhook_id)
    assert work.headers == WITH_SECRETS.headers
    assert work.secrets == (OTHER_SECRET, SECRET)
    desk.end(work, 500)
    log = store.path.with_name("tocsin.db-wal").read_bytes()
    assert b"https://example.com/hook" in log
    key = key_of(store.path).read_bytes().strip()
    for content in (log, store.path.read_bytes()):
        for secret in (HEADER, "bar & baz", SECRET, OTHER_SECRET):
            assert secret.removeprefix("whsec_").encode() not in content
        assert key not in content


def test_secrets_stay_out_of_what_tracebacks_and_logs_print(desk: Desk) -> None:
    desk.append(event(1))
    webhook_id = desk.add(WITH_SECRETS, secret=SECRET, start=0)
    work = desk.started(webhook_id)
    record = desk.call(webhooks.find, webhook_id, desk.store.vault)
    assert record.secrets is not None
    for shown in (repr(work), repr(record.secrets), repr(desk.store.vault)):
        assert HEADER not in shown
        assert SECRET not in shown


@broken
def test_without_the_key_webhooks_are_listed_and_none_of_them_sends(
    closed: Path, spoil: object, sentence: str
) -> None:
    spoil(closed)  # type: ignore[operator]
    store = open_store(closed)
    siem, plain = store.call(webhooks.load_all, store.vault)
    assert (siem.fields.name, siem.fields.url) == ("siem", "https://example.com/hook")
    assert (siem.readable, siem.fields.headers, siem.secrets) == (False, (), None)
    assert plain.readable
    desk = Desk(store)
    desk.append(event(2))
    with pytest.raises(WrongKey, match=sentence):
        desk.start(siem.id)
    with pytest.raises(WrongKey, match=sentence):
        store.call(store.vault.check)
    assert desk.status(siem.id).pending is None
    assert [text for text in store.call(health.problems, store.vault) if "key file" in text]
    store.close()


@broken
def test_without_the_key_no_edit_overwrites_a_secret(
    closed: Path, spoil: object, sentence: str
) -> None:
    def secrets() -> list[tuple[object, ...]]:
        columns = (WebhookRow.target, WebhookRow.secrets, WebhookRow.revision)
        return store.call(lambda: models.rows(WebhookRow.select(*columns)))

    spoil(closed)  # type: ignore[operator]
    store = open_store(closed)
    before, notes = secrets(), len(store.call(audit.changes))
    desk = Desk(store)
    with pytest.raises(WrongKey, match=sentence):
        desk.edit(1, fields(name="siem"))
    with pytest.raises(WrongKey, match=sentence):
        desk.edit(2, fields(headers=WITH_SECRETS.headers))
    with pytest.raises(WrongKey, match=sentence):
        desk.edit(2, fields(), SetSecret(SECRET))
    with pytest.raises(WrongKey, match=sentence):
        desk.add(fields(headers=WITH_SECRETS.headers))
    assert (secrets(), len(store.call(audit.changes))) == (before, notes)
    assert not [file for file in closed.parent.iterdir() if file.name.startswith(".")]
    store.close()


def test_without_the_key_a_webhook_can_still_be_paused_and_deleted(closed: Path) -> None:
    lose_key(closed)
    store = open_store(closed)
    assert store.call(webhooks.set_active, [1], False, ACTOR, NOW) == [1]
    store.call(webhooks.delete, [1], ACTOR, NOW)
    store.call(webhooks.undelete, [1], ACTOR, NOW)
    store.close()
    assert not key_of(closed).exists()


def test_the_right_key_put_back_gives_everything_back(closed: Path) -> None:
    key = key_of(closed).read_bytes()
    new_key(closed)
    store = open_store(closed)
    assert not store.call(webhooks.find, 1, store.vault).readable
    key_of(closed).unlink()
    key_of(closed).write_bytes(key)
    key_of(closed).chmod(0o400)
    found = store.call(webhooks.find, 1, store.vault)
    assert (found.readable, found.fields) == (True, WITH_SECRETS)
    store.close()


def test_a_key_added_in_front_encrypts_and_the_old_one_still_opens(closed: Path) -> None:
    old = key_of(closed).read_bytes()
    key_of(closed).unlink()
    key_of(closed).write_bytes(Fernet.generate_key() + b"\n" + old)
    key_of(closed).chmod(0o400)
    store = open_store(closed)
    found: WebhookFields = store.call(webhooks.find, 1, store.vault).fields
    assert found == WITH_SECRETS
    store.close()


def test_a_secret_that_was_tampered_with_is_not_opened(store: Store) -> None:
    desk = Desk(store)
    webhook_id = desk.add(WITH_SECRETS)
    desk.append(event(1))
    store.call(WebhookRow.update(target=b"gAAAAABm").execute)
    with pytest.raises(WrongKey, match="does not open a secret"):
        desk.start(webhook_id)


def test_a_key_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailable, match="cannot make the key file"):
        open_store(tmp_path / "tocsin.db", key_file=tmp_path / "file" / "key")
