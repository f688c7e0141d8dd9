"""Backups hold everything that was accepted; a restore fills an empty store, sending paused."""

from __future__ import annotations

import re
import sqlite3
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import pytest
from msgspec.structs import replace
from peewee import DatabaseProxy

from store import audit, files, migrations, settings, webhooks, workers
from store.database import Store, open_store
from store.errors import Conflict, StoreError, StoreUnavailable, WrongKey
from store.events import adding, reading
from store.maintenance import backup, health
from store.models import database
from store.queue import attempts
from store.records import StoredWorker
from store.vault import Vault
from tests.support.stores import ACTOR, ALERTS, NOW, Child, Desk, event, events, fields

HEADERS = (("Authorization", "Bearer 6f1d0c7e-very-secret"),)


@pytest.fixture
def saved(desk: Desk, tmp_path: Path) -> Path:
    """A backup with its key of a store with two webhooks, one of them failing."""
    webhook_id = desk.add(fields(headers=HEADERS))
    desk.add()
    desk.append(*events(1, 3))
    desk.end(desk.started(webhook_id), 500)
    target = tmp_path / "backup?50%.db"
    backup.backup_to(desk.store.path, target)
    backup.backup_key(desk.call(desk.store.vault.keys), target)
    desk.store.close()
    return target


@pytest.fixture
def fresh(saved: Path, tmp_path: Path) -> Iterator[Store]:
    """An empty store of another host."""
    store = open_store(tmp_path / "other" / "tocsin.db")
    yield store
    store.close()


@pytest.fixture
def store(store_path: Path) -> Iterator[Store]:
    """A store that a test may have closed, since only one is open at a time."""
    opened = open_store(store_path)
    yield opened
    try:
        opened.close()
    except RuntimeError:
        assert opened.path == store_path  # closed by `saved`


def restore(store: Store, source: Path) -> backup.RestoreResult:
    return store.call(backup.restore_from, source, store.path, store.vault.key_file, ACTOR, NOW + 5)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_backup_is_one_private_file_with_all_that_was_accepted(saved: Path) -> None:
    assert mode(saved) == 0o600
    assert mode(backup.key_beside(saved)) == 0o400
    assert sorted(file.name for file in saved.parent.glob("backup*")) == [
        saved.name,
        f"{saved.name}.key",
    ]
    with closing(sqlite3.connect(saved)) as copy:
        assert copy.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert copy.execute("SELECT count(*) FROM event").fetchone() == (3,)


def test_a_backup_can_be_made_while_others_write(desk: Desk, tmp_path: Path) -> None:
    desk.append(*events(1, 3))
    desk.call(lambda: _backup_inside_a_transaction(desk.store.path, tmp_path / "copy.db"))
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        assert copy.execute("SELECT count(*) FROM event").fetchone() == (3,)
    assert desk.call(reading.heads)[ALERTS] == 4


def _backup_inside_a_transaction(path: Path, target: Path) -> None:
    with database.atomic():
        adding.append([event(4)], NOW)
        backup.backup_to(path, target)


def test_a_restore_brings_everything_back_paused(fresh: Store, saved: Path) -> None:
    assert restore(fresh, saved) == backup.RestoreResult(webhooks=2, events=3, key_restored=True)
    assert mode(fresh.vault.key_file) == 0o400
    assert fresh.call(attempts.plans) == []
    assert fresh.call(settings.paused) is not None
    assert fresh.call(audit.changes)[0].action == "worker.pause"
    assert fresh.call(health.problems, fresh.vault) == []
    assert fresh.call(webhooks.find, 1, fresh.vault).fields.headers == HEADERS
    desk = Desk(fresh, now_ms=NOW + 10)
    assert desk.append(event(3), event(4)).accepted == 1
    fresh.call(settings.unpause, ACTOR, NOW)
    work = desk.started(1)
    assert (work.number, work.headers) == (2, HEADERS)


def test_a_restored_store_opens_again(fresh: Store, saved: Path) -> None:
    restore(fresh, saved)
    fresh.sibling().close()
    reopened = open_store(fresh.path)
    pragma = reopened.call(lambda: database.execute_sql("PRAGMA journal_mode").fetchone())
    assert pragma == ("wal",)
    assert not reopened.outdated
    reopened.close()
    assert sorted(file.name for file in fresh.path.parent.iterdir() if file.suffix != ".db") == [
        "tocsin.db-shm",
        "tocsin.db-wal",
        "tocsin.key",
    ]


def test_without_its_key_a_restore_waits_for_it(fresh: Store, saved: Path) -> None:
    key = backup.key_beside(saved)
    elsewhere = key.with_name("elsewhere")
    key.rename(elsewhere)
    assert not restore(fresh, saved).key_restored
    with pytest.raises(WrongKey, match="put the right key file back"):
        fresh.call(fresh.vault.check)
    assert not fresh.call(webhooks.find, 1, fresh.vault).readable
    elsewhere.replace(fresh.vault.key_file)
    fresh.call(fresh.vault.check)
    assert fresh.call(webhooks.find, 1, fresh.vault).fields.headers == HEADERS


def test_only_an_empty_store_is_restored_into(fresh: Store, saved: Path) -> None:
    Desk(fresh).append(event(9))
    key = fresh.vault.key_file.read_bytes()
    with pytest.raises(Conflict, match="is not empty"):
        restore(fresh, saved)
    assert fresh.call(reading.heads)[ALERTS] == 1
    assert fresh.vault.key_file.read_bytes() == key


def other_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE t (v)")


def newer_store(path: Path) -> None:
    open_store(path, key_file=path.with_name("another.key")).close()
    with closing(sqlite3.connect(path)) as newer:
        newer.execute(f"PRAGMA user_version = {migrations.LATEST + 1}")


def unreleased_store(path: Path) -> None:
    open_store(path, key_file=path.with_name("another.key")).close()
    with closing(sqlite3.connect(path)) as older:
        older.execute(f"PRAGMA application_id = {migrations.APPLICATION_ID - 1}")


def text_file(path: Path) -> None:
    path.write_text("no database " * 100)


def nothing(path: Path) -> None:
    pass


def folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (other_database, "is not a backup of a Tocsin store"),
        (newer_store, "newer Tocsin"),
        (unreleased_store, "before the first release"),
        (text_file, "is not a Tocsin store, or it is damaged"),
        (nothing, "there is no backup at"),
        (folder, "is a folder: name a backup, which is a file"),
    ],
)
def test_what_is_no_backup_changes_nothing(tmp_path: Path, make: object, sentence: str) -> None:
    source = tmp_path / "source.db"
    make(source)  # type: ignore[operator]
    fresh = open_store(tmp_path / "other" / "tocsin.db")
    key = fresh.vault.key_file.read_bytes()
    with pytest.raises(StoreError, match=sentence):
        restore(fresh, source)
    assert fresh.vault.key_file.read_bytes() == key
    assert fresh.call(health.problems, fresh.vault) == []
    assert Desk(fresh).append(event(1)).accepted == 1
    fresh.close()


def test_a_damaged_backup_is_refused(fresh: Store, saved: Path) -> None:
    content = bytearray(saved.read_bytes())
    content[4_096 : 3 * 4_096] = b"\xff" * 2 * 4_096
    saved.write_bytes(content)
    sentence = f"^the backup {re.escape(str(saved))} is damaged: restore another one"
    with pytest.raises(StoreUnavailable, match=sentence):
        restore(fresh, saved)
    assert fresh.call(backup.is_empty)


def test_a_restore_looks_for_damage_once(
    fresh: Store, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    first_value = backup._first_value

    def telling(path: Path, shown: Path, statement: str) -> object:
        said.append(statement)
        return first_value(path, shown, statement)

    monkeypatch.setattr(backup, "_first_value", telling)
    backup.check_backup(saved)
    assert restore(fresh, saved).events == 3
    assert said.count("PRAGMA quick_check") == 1


def test_no_file_is_written_over(desk: Desk, tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("mine")
    with pytest.raises(Conflict, match="exists already: choose another file"):
        backup.backup_to(desk.store.path, target)
    backup.key_beside(target).write_text("mine too")
    with pytest.raises(Conflict, match="exists already"):
        backup.backup_key(desk.call(desk.store.vault.keys), target)
    assert target.read_text() == "mine"
    assert backup.key_beside(target).read_text() == "mine too"


def test_a_backup_that_cannot_be_written_is_one_sentence(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match=r"cannot write .*: No such file or directory"):
        backup.backup_to(desk.store.path, tmp_path / "missing" / "copy.db")
    with pytest.raises(StoreUnavailable, match=r"cannot write .*copy\.db\.key: No such file"):
        backup.backup_key([b"x"], tmp_path / "missing" / "copy.db")
    assert not (tmp_path / "copy.db.key").exists()


def meanwhile(monkeypatch: pytest.MonkeyPatch, what: Callable[[], object]) -> None:
    """Do something when a restore has found the store empty and has not yet begun to fill it."""
    copy = backup._copy

    def copy_and_do(source: Path, target: Path, *, journal: str) -> None:
        copy(source, target, journal=journal)
        what()

    monkeypatch.setattr(backup, "_copy", copy_and_do)


def folder_of(store: Store) -> list[str]:
    return sorted(file.name for file in store.path.parent.iterdir())


def test_what_is_accepted_while_a_restore_runs_is_not_written_over(
    fresh: Store, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = fresh.vault.key_file.read_bytes()
    other = fresh.sibling()
    meanwhile(monkeypatch, lambda: other.call(adding.append, [event(9)], NOW))
    with pytest.raises(Conflict, match="is not empty"):
        restore(fresh, saved)
    assert [one.id for one in fresh.call(reading.newest, ALERTS, limit=9)] == ["e9"]
    assert fresh.call(settings.paused) is None
    assert fresh.vault.key_file.read_bytes() == key
    fresh.call(fresh.vault.check)
    other.close()
    assert folder_of(fresh) == ["tocsin.db", "tocsin.db-shm", "tocsin.db-wal", "tocsin.key"]


def test_who_accepts_events_during_a_restore_adds_them_to_what_it_brought(
    fresh: Store, saved: Path
) -> None:
    with ThreadPoolExecutor(1) as emitter:
        other = fresh.sibling()
        appended = emitter.submit(append_one_by_one, other)
        restore_when_possible(fresh, saved)
        numbers = appended.result()
    other.close()
    kept = {one.id for one in fresh.call(reading.newest, ALERTS, limit=1_000)}
    assert {f"e{number}" for number in numbers} <= kept
    assert fresh.call(health.problems, fresh.vault) == []


def append_one_by_one(store: Store) -> list[int]:
    numbers = list(range(100, 140))
    for number in numbers:
        assert store.call(adding.append, [event(number)], NOW).accepted == 1
    return numbers


def restore_when_possible(store: Store, source: Path) -> None:
    with suppress(Conflict):
        restore(store, source)


def test_workers_of_the_backup_are_not_brought_and_those_here_stay(
    store: Store, tmp_path: Path
) -> None:
    worker = StoredWorker("old", "host", 812, "headless", True, NOW, NOW)
    store.call(workers.enter, worker)
    backup.backup_to(store.path, tmp_path / "copy.db")
    store.close()
    fresh = open_store(tmp_path / "other" / "tocsin.db")
    fresh.call(workers.enter, replace(worker, id="here"))
    restore(fresh, tmp_path / "copy.db")
    assert [one.id for one in fresh.call(workers.load_all)] == ["here"]
    fresh.close()


def test_an_older_backup_is_brought_up_to_date(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def second(engine: DatabaseProxy, _: Vault) -> None:
        engine.execute_sql("CREATE INDEX added ON event (received_ms)")
        steps_taken.append(2)

    steps_taken: list[int] = []
    before = saved.read_bytes()
    monkeypatch.setattr(migrations, "STEPS", (*migrations.STEPS, second))
    monkeypatch.setattr(migrations, "LATEST", migrations.LATEST + 1)
    fresh = open_store(tmp_path / "other" / "tocsin.db")
    assert restore(fresh, saved).events == 3
    assert steps_taken == [2, 2]  # for the new store, and for the copy of the backup
    assert fresh.call(migrations.current_version, database) == migrations.LATEST
    assert fresh.call(health.problems, fresh.vault) == []
    assert Desk(fresh).append(event(4)).accepted == 1
    fresh.close()
    assert saved.read_bytes() == before


CRASH = """
from store import files; from store.maintenance import backup
module, name, when = sys.argv[3:]
found = {"backup": backup, "files": files, "settings": settings}[module]
before = getattr(found, name)
def dying(*arguments, **more):
    if when == "after":
        before(*arguments, **more)
    os._exit(9)
setattr(found, name, dying)
store = open_store(path)
store.call(backup.restore_from, Path(sys.argv[2]), path, store.vault.key_file, ACTOR, NOW)
"""


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("backup", "_copy"),
        ("backup", "_take_all"),
        ("settings", "pause"),
        ("files", "replace"),
        ("backup", "_remove"),
    ],
)
def test_a_restore_that_dies_leaves_nothing_that_sends(
    saved: Path, tmp_path: Path, module: str, name: str, when: str
) -> None:
    path = tmp_path / "other" / "tocsin.db"
    open_store(path).close()
    child = Child(CRASH, path, saved, module, name, when)
    child.process.communicate(timeout=60)
    assert child.process.returncode == 9
    store = open_store(path)
    assert store.call(backup.is_empty)
    assert restore(store, saved) == backup.RestoreResult(webhooks=2, events=3, key_restored=True)
    assert store.call(settings.paused) is not None
    assert store.call(health.problems, store.vault) == []
    store.close()
    assert not list(path.parent.glob(".*"))


def test_a_failure_brings_the_former_key_back(
    fresh: Store, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = fresh.vault.key_file.read_bytes()
    put = files.replace

    def put_and_fail(path: Path, content: bytes, mode: int) -> None:
        monkeypatch.undo()
        put(path, content, mode)
        assert path.read_bytes() != key
        raise StoreUnavailable("the disk is full")

    monkeypatch.setattr(files, "replace", put_and_fail)
    with pytest.raises(StoreUnavailable, match="the disk is full"):
        restore(fresh, saved)
    assert fresh.vault.key_file.read_bytes() == key
    assert mode(fresh.vault.key_file) == 0o400
    assert fresh.call(backup.is_empty)
