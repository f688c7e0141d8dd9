"""Another key: all is encrypted with it, the old one is worthless, and no kill leaves a riddle."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from peewee import BlobField

from store import audit, drafts, models, sources, webhooks
from store.database import Store, open_store
from store.errors import Conflict, WrongKey
from store.maintenance import health, rekey
from store.models import DeliveryRow, WebhookRow
from store.vault import fingerprint_of, keys_in
from store.webhook_edits import RotateSecret
from tests.support.stores import ACTOR, NOW, Child, Desk, event, fields
from tests.support.waiting import PATIENCE_S

HEADERS = (("Authorization", "Bearer 6f1d0c7e"),)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
API_KEY = "the private key of a broker"
DRAFT = "what was typed and not saved"


def fill(desk: Desk) -> None:
    """Something in every encrypted column, and versions of it that were overwritten.

    Debian's SQLite overwrites what is deleted with zeros, as most do not: here none does.
    """
    desk.call(lambda: models.database.execute_sql("PRAGMA secure_delete = 0").fetchall())
    first = desk.add(fields(name="siem", headers=HEADERS), secret=SECRET)
    desk.edit(first, fields(name="siem", headers=HEADERS), RotateSecret(OTHER))
    for number in range(40):  # rows that go leave their remains in free parts of pages
        gone = desk.add(fields(name=f"gone{number}", headers=(("X", "y" * 300),)), secret=SECRET)
        desk.call(WebhookRow.delete().where(WebhookRow.id == gone).execute)
    desk.add(fields(name="plain"))
    desk.append(event(1))
    desk.started(first)
    desk.add_source("api", "procustodibus")
    desk.call(sources.set_secret, "api", "an older one", desk.store.vault, ACTOR, NOW)
    desk.call(sources.set_secret, "api", API_KEY, desk.store.vault, ACTOR, NOW)
    desk.call(drafts.save, "webhook", DRAFT, vault=desk.store.vault, actor=ACTOR, now_ms=NOW)


def check_whole(store: Store) -> None:
    """Everything is there, readable and as it was."""
    desk = Desk(store)
    siem, plain = desk.call(webhooks.load_all, store.vault)
    assert (siem.readable, plain.readable) == (True, True)
    assert siem.fields.headers == HEADERS
    assert siem.secrets is not None
    assert (siem.secrets.current, siem.secrets.previous) == (OTHER, SECRET)
    assert desk.call(sources.secret_of, "api", store.vault) == API_KEY
    draft = desk.call(drafts.load, "webhook", vault=store.vault, actor=ACTOR)
    assert draft is not None
    assert draft.text == DRAFT
    assert desk.call(health.problems, store.vault) in ([], [health_of_attempt(desk)])


def health_of_attempt(desk: Desk) -> str:
    """The one attempt that is under way in these tests has no worker."""
    [public_id] = [row.public_id for row in desk.call(lambda: list(DeliveryRow.select()))]
    return (
        f"delivery {public_id} counts as being sent, but no worker runs: the next one clears it up"
    )


def ciphertexts(path: Path) -> list[bytes]:
    """Every value that is encrypted."""
    with closing(sqlite3.connect(path)) as file:
        return [
            value
            for table, columns in rekey.ENCRYPTED.items()
            for column in columns
            for (value,) in file.execute(f"SELECT {column} FROM {table}")  # noqa: S608 - no data
            if value is not None
        ]


def tokens(data: bytes) -> Iterator[bytes]:
    """All that looks like what a key of ours made, also in parts of a file that are free."""
    allowed = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_="
    start = data.find(b"gAAAAA")
    while start >= 0:
        end = start
        while end < len(data) and data[end : end + 1] in {bytes([one]) for one in allowed}:
            end += 1
        yield data[start:end]
        start = data.find(b"gAAAAA", end)


def opens(key: bytes, data: bytes) -> int:
    """Count the values in some bytes that a key opens."""
    cipher, count = Fernet(key), 0
    for token in tokens(data):
        for end in range(len(token), 99, -4):
            try:
                cipher.decrypt(token[:end])
            except InvalidToken:
                continue
            count += 1
            break
    return count


@pytest.fixture
def filled(desk: Desk) -> Desk:
    fill(desk)
    return desk


@pytest.fixture
def closed(store_path: Path) -> Path:
    """The same, with nobody at it."""
    with closing(open_store(store_path)) as store:
        fill(Desk(store))
    return store_path


def key_of(path: Path) -> Path:
    return path.with_name("tocsin.key")


def test_every_encrypted_column_is_known() -> None:
    known = {(table, column) for table, columns in rekey.ENCRYPTED.items() for column in columns}
    clear = {
        ("event", "body"),
        ("delivery", "splice"),
        ("attempt", "answer_body"),
        ("source", "state"),
        ("refusal", "body"),
    }
    blobs = {
        (model._meta.table_name, field.column_name)
        for model in models.MODELS
        for field in model._meta.sorted_fields
        if isinstance(field, BlobField)
    }
    assert blobs == known | clear


def test_the_old_key_is_worthless_and_the_new_one_opens_everything(filled: Desk) -> None:
    vault = filled.store.vault
    old = vault.key()
    files = [vault.store_path, vault.store_path.with_name("tocsin.db-wal")]
    assert sum(opens(old, file.read_bytes()) for file in files) > 10
    done = filled.call(rekey.rekey, vault, ACTOR, NOW)
    assert (done.values, done.unreadable, done.leftover, done.finished) == (4, 0, False, False)
    new = vault.key()
    assert new != old
    assert not vault.next_file.exists()
    assert vault.key_file.stat().st_mode & 0o777 == 0o400
    check_whole(filled.store)
    for file in files:
        assert opens(old, file.read_bytes()) == 0
    assert opens(new, files[0].read_bytes()) == 4
    assert filled.call(vault.store_fingerprint) == fingerprint_of(new)
    [change] = [one for one in filled.call(audit.changes) if one.action == rekey.REKEYED]
    assert change.detail == {"before": fingerprint_of(old), "after": fingerprint_of(new)}


def test_ids_and_what_refers_to_them_stay(filled: Desk) -> None:
    def rows() -> list[object]:
        return [
            [tuple(row) for row in models.database.execute_sql(text).fetchall()]
            for text in (
                "SELECT id, name, revision, cursor FROM webhook",
                "SELECT name, revision, state FROM source",
                "SELECT * FROM delivery",
                "PRAGMA foreign_key_check",
                "PRAGMA foreign_keys",
            )
        ]

    before = filled.call(rows)
    filled.call(rekey.rekey, filled.store.vault, ACTOR, NOW)
    assert filled.call(rows) == before


def test_a_program_that_runs_reads_the_key_again(filled: Desk) -> None:
    other = Child(
        "from contextlib import closing\n"
        "from store import sources\n"
        "from tests.support.stores import Desk\n"
        "from tests.store.maintenance.test_rekey import API_KEY, HEADERS, SECRET, check_whole\n"
        "with closing(open_store(path)) as store:\n"
        "    check_whole(store)\n"
        "    ready()\n"
        "    check_whole(store)\n"
        "    Desk(store).add(fields(name='new', headers=HEADERS), secret=SECRET)\n"
        "    ready()\n"
        "    store.call(sources.set_secret, 'api', 'fresh', store.vault, ACTOR, NOW)\n",
        filled.store.path,
    )
    other.wait_ready()
    vault = filled.store.vault
    filled.call(rekey.rekey, vault, ACTOR, NOW)
    other.go()
    other.wait_ready()
    assert [one.readable for one in filled.call(webhooks.load_all, vault)] == [True] * 3
    filled.call(rekey.rekey, vault, ACTOR, NOW)
    other.go()
    other.finish()
    assert filled.call(sources.secret_of, "api", vault) == "fresh"


def test_what_the_old_key_does_not_open_is_left_and_counted(filled: Desk) -> None:
    foreign = Fernet(Fernet.generate_key()).encrypt(b"[]")
    named = WebhookRow.name == "plain"
    filled.call(WebhookRow.update(secrets=foreign).where(named).execute)
    done = filled.call(rekey.rekey, filled.store.vault, ACTOR, NOW)
    assert (done.values, done.unreadable) == (4, 1)
    row = filled.call(WebhookRow.get, named)
    assert row.secrets == foreign


def test_without_the_right_key_nothing_is_begun(filled: Desk) -> None:
    vault = filled.store.vault
    vault.key_file.unlink()
    with pytest.raises(WrongKey, match="is missing"):
        filled.call(rekey.rekey, vault, ACTOR, NOW)
    assert not vault.next_file.exists()


def test_two_at_once_make_one_key(filled: Desk) -> None:
    child = Child(
        "from store.maintenance import rekey\n"
        "store = open_store(path)\n"
        "def held(vault):\n"
        "    ready()\n"
        "    return real(vault)\n"
        "real, rekey._encrypt_anew = rekey._encrypt_anew, held\n"
        "store.call(rekey.rekey, store.vault, ACTOR, NOW)\n",
        filled.store.path,
    )
    child.wait_ready()
    with pytest.raises(Conflict, match="is being given another key"):
        filled.call(rekey.rekey, filled.store.vault, ACTOR, NOW)
    assert filled.call(rekey.finish, filled.store.vault) is None
    assert filled.store.vault.next_file.exists()
    child.go()
    child.finish()
    check_whole(filled.store)


STEPS = ("_write", "_encrypt_anew", "_forget_old_pages", "_put")


@pytest.mark.parametrize("moment", ["before", "within", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_any_start_finishes_what_a_kill_cut_off(closed: Path, step: str, moment: str) -> None:
    old = keys_in(key_of(closed))[0]
    child = Child(
        "from store import files; from store.maintenance import rekey\n"
        "store = open_store(path)\n"
        "step, moment = sys.argv[2:]\n"
        "real = getattr(rekey, step)\n"
        "inner = {'_write': (os, 'link'), '_encrypt_anew': (rekey, '_rewrite'),"
        " '_forget_old_pages': (rekey, 'give_back'), '_put': (files, 'sync_folder')}[step]\n"
        "def die(*args):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "def cut(*args):\n"
        "    if moment == 'before':\n"
        "        die()\n"
        "    if moment == 'within':\n"
        "        setattr(*inner, die)\n"
        "    real(*args)\n"
        "    die()\n"
        "setattr(rekey, step, cut)\n"
        "store.call(rekey.rekey, store.vault, ACTOR, NOW)\n",
        closed,
        step,
        moment,
    )
    assert child.process.wait(PATIENCE_S) == -9
    child.kill()
    with closing(open_store(closed)) as store:
        assert store.warnings == ()
        check_whole(store)
        assert not store.vault.next_file.exists()
        begun = (step, moment) not in (("_write", "before"), ("_write", "within"))
        assert (store.vault.key() != old) is begun
        if begun:
            assert opens(old, closed.read_bytes()) == 0
        assert store.call(store.vault.store_fingerprint) == store.vault.fingerprint()


def test_a_kill_leaves_no_second_name_of_the_new_key(closed: Path) -> None:
    child = Child(
        "from pathlib import Path\n"
        "from store.maintenance import rekey\n"
        "store = open_store(path)\n"
        "real = Path.unlink\n"
        "def cut(self, missing_ok=False):\n"
        "    if not missing_ok and self.suffix == '.part':\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    real(self, missing_ok)\n"
        "Path.unlink = cut\n"
        "store.call(rekey.rekey, store.vault, ACTOR, NOW)\n",
        closed,
    )
    assert child.process.wait(PATIENCE_S) == -9
    child.kill()
    second_name = closed.with_name(".tocsin.key.new.part")
    assert second_name.exists()
    with closing(open_store(closed)) as store:
        check_whole(store)
        assert not store.vault.next_file.exists()
    assert not second_name.exists()


def test_a_start_that_may_not_move_the_key_reads_it_where_it_is(desk: Desk) -> None:
    fill(desk)
    vault = desk.store.vault
    key = Fernet.generate_key()
    vault.next_file.write_bytes(key)
    vault.next_file.chmod(0o400)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("os.access", lambda *_, **__: False)
        warning = desk.call(rekey.finish, vault)
    assert warning == (
        f"the key of {desk.store.path} is {vault.next_file}, which this account may not put in "
        f"the place of {vault.key_file}: run `sudo tocsin db rekey`"
    )
    check_whole(desk.store)
    done = desk.call(rekey.rekey, vault, ACTOR, NOW)
    assert done.finished
    assert vault.key() == key
    check_whole(desk.store)


@pytest.mark.parametrize("content", [b"", b"no key", b"pio4m6tXO81ALEE9SHEH"])
def test_what_is_no_key_keeps_nobody_from_starting(closed: Path, content: bytes) -> None:
    next_file = closed.with_name("tocsin.key.new")
    next_file.write_bytes(content)
    next_file.chmod(0o400)
    with closing(open_store(closed)) as other:
        [warning] = other.warnings
        assert warning == (
            f"another key was begun in {next_file}, and this cannot be finished: "
            f"the key file {next_file} holds no key"
        )
        check_whole(other)


def test_a_failure_takes_the_new_key_back(filled: Desk) -> None:
    old = filled.store.vault.key()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(rekey, "_rewrite", lambda *_: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            filled.call(rekey.rekey, filled.store.vault, ACTOR, NOW)
    assert not filled.store.vault.next_file.exists()
    assert filled.store.vault.key() == old
    check_whole(filled.store)


def test_several_keys_of_one_file_become_one(closed: Path) -> None:
    key_file = key_of(closed)
    first, second = Fernet.generate_key(), keys_in(key_file)[0]
    key_file.unlink()
    key_file.write_bytes(first + b"\n" + second)
    key_file.chmod(0o400)
    with closing(open_store(closed)) as store:
        Desk(store).add(fields(name="by-first", headers=HEADERS), secret=SECRET)
        done = store.call(rekey.rekey, store.vault, ACTOR, NOW)
        assert (done.values, done.unreadable) == (6, 0)
    assert len(keys_in(key_file)) == 1
    with pytest.raises(InvalidToken):
        MultiFernet([Fernet(first), Fernet(second)]).decrypt(ciphertexts(closed)[0])
