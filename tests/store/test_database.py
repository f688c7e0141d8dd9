"""Opening the store: whatever lies at its path, one clear sentence and nothing harmed."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from peewee import InterfaceError

from store import migrations, models
from store.database import Store, open_store
from store.errors import StoreUnavailable
from store.events import adding, keys, reading
from store.workers import SendingLock
from tests.store.database_faults import refusal, set_version
from tests.support.stores import ALERTS, NOW, Child, Desk, event, events, run_child

APPLICATION_ID = 0x70C51201


UNRELEASED_ID = 0x70C51200

LEFT_BY_SQLITE = {"tocsin.db-wal", "tocsin.db-shm"}
"""Files that stay if the last connections are closed in the same moment, until the next is."""


def beside(path: Path) -> set[str]:
    """The names of the files in the folder of a store."""
    return {file.name for file in path.parent.iterdir()}


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def header(path: Path) -> tuple[int, int]:
    """The application id and the schema number of a file."""
    with closing(sqlite3.connect(path)) as file:
        return (
            file.execute("PRAGMA application_id").fetchone()[0],
            file.execute("PRAGMA user_version").fetchone()[0],
        )


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_every_file_is_private_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    path = tmp_path / "home" / "tocsin.db"
    before = os.umask(umask)
    try:
        store = open_store(path)
        Desk(store).append(event(1))
        sibling = store.sibling()
        sibling.call(reading.heads)
        modes = {file.name: mode(file) for file in path.parent.iterdir()}
        sibling.close()
        store.close()
    finally:
        os.umask(before)
    assert mode(path.parent) == 0o700
    assert modes == {
        "tocsin.db": 0o600,
        "tocsin.db-wal": 0o600,
        "tocsin.db-shm": 0o600,
        "tocsin.key": 0o400,
    }


def test_a_store_opens_again_with_what_was_in_it(store_path: Path) -> None:
    for number in range(1, 4):
        store = open_store(store_path, migrate=True)
        Desk(store).append(event(number))
        assert store.call(reading.heads)[ALERTS] == number
        assert not store.outdated
        store.close()
    assert header(store_path) == (APPLICATION_ID, migrations.LATEST)


def test_freed_pages_can_be_given_back(store: Store) -> None:
    vacuum = store.call(lambda: models.database.execute_sql("PRAGMA auto_vacuum").fetchone())
    assert vacuum == (2,)


def test_an_empty_file_is_made_into_a_store(tmp_path: Path) -> None:
    path = tmp_path / "tocsin.db"
    path.touch()
    open_store(path).close()
    assert header(path)[0] == APPLICATION_ID


def test_without_leave_to_create_nothing_is_made(tmp_path: Path) -> None:
    path = tmp_path / "new" / "tocsin.db"
    assert "there is no store" in refusal(path, create=False)
    assert not path.parent.exists()
    empty = tmp_path / "empty.db"
    empty.touch()
    assert "is empty" in refusal(empty, create=False)
    assert list(tmp_path.iterdir()) == [empty]
    assert empty.read_bytes() == b""


@pytest.mark.parametrize(
    "content", [b"x", b"short notes\n" * 42, b"not a database\n" * 100, b"SQLite format 2\0" * 64]
)
def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    assert "not a Tocsin store" in refusal(path)
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_a_damaged_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "tocsin.db"
    content = b"SQLite format 3\0" + b"damage" * 1_000
    path.write_bytes(content)
    assert "not a Tocsin store, or it is damaged" in refusal(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize("journal", ["delete", "wal"])
@pytest.mark.parametrize("marks", [(0, 0), (0, 7), (4711, 1)])
def test_the_database_of_another_program_is_left_alone(
    tmp_path: Path, journal: str, marks: tuple[int, int]
) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute(f"PRAGMA journal_mode = {journal}")
        other.execute(f"PRAGMA application_id = {marks[0]}")
        other.execute(f"PRAGMA user_version = {marks[1]}")
        other.execute("CREATE TABLE secret (value)")
    content = path.read_bytes()
    assert "another program's database" in refusal(path, migrate=True)
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("version", [1, 4])
def test_a_store_from_before_the_first_release_is_left_alone(
    store_path: Path, version: int
) -> None:
    open_store(store_path).close()
    with closing(sqlite3.connect(store_path)) as file:
        file.execute(f"PRAGMA application_id = {UNRELEASED_ID}")
    set_version(store_path, version)
    content = store_path.read_bytes()
    said = refusal(store_path, migrate=True)
    assert f"before the first release (schema {version} of that time)" in said
    assert "move it away and begin a new store" in said
    assert store_path.read_bytes() == content


def test_a_store_of_a_newer_tocsin_is_left_alone(store_path: Path) -> None:
    open_store(store_path).close()
    set_version(store_path, migrations.LATEST + 1)
    content = store_path.read_bytes()
    assert f"newer Tocsin (schema {migrations.LATEST + 1}" in refusal(store_path, migrate=True)
    assert store_path.read_bytes() == content


def test_a_folder_and_a_device_are_no_store(tmp_path: Path) -> None:
    assert "is not a file" in refusal(tmp_path)
    assert "is not a file" in refusal(Path("/dev/null"))


def test_a_path_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "a part of its path is no folder" in refusal(tmp_path / "file" / "tocsin.db")


@pytest.mark.parametrize(
    "query",
    [
        reading.heads,
        lambda: adding.append([event(1)], NOW),
        lambda: keys.within(ALERTS),
    ],
    ids=["a reading", "a writing", "a condition"],
)
def test_a_query_on_another_thread_raises_at_once(
    store: Store, query: Callable[[], object]
) -> None:
    with pytest.raises(InterfaceError):
        query()
    assert store.call(reading.heads)[ALERTS] == 0


def test_async_code_reaches_the_store_through_run(store: Store) -> None:
    async def main() -> int:
        await store.run(adding.append, [event(1)], now_ms=NOW)
        return (await store.run(reading.heads))[ALERTS]

    assert asyncio.run(main()) == 1


def test_an_error_of_the_engine_becomes_a_sentence(store: Store) -> None:
    with pytest.raises(StoreUnavailable, match=r"tocsin\.db failed: no such table: missing$"):
        store.call(lambda: models.database.execute_sql("SELECT * FROM missing"))


def test_after_close_nothing_is_asked_any_more(store_path: Path) -> None:
    store = open_store(store_path)
    store.close()
    with pytest.raises(RuntimeError):
        store.call(reading.heads)
    assert not list(store_path.parent.glob("*-wal"))


def test_opening_it_twice_in_one_process_drops_no_lock_on_it(store_path: Path) -> None:
    """Closing any descriptor of a file drops the locks that this process has on it (POSIX)."""
    first = open_store(store_path)
    second = open_store(store_path)
    Desk(second).append(event(1))
    run_child("open_store(path).close()", store_path)
    Desk(second).append(event(2))
    found = run_child(
        "print(open_store(path).call(reading.heads)[reading.EventType.ALERTS])", store_path
    )
    assert found == "2\n"
    second.close()
    first.close()


OLDER = """
def second(database, vault):
    database.execute_sql("CREATE TABLE added (value INTEGER)")
    database.execute_sql("INSERT INTO added VALUES (1)")

migrations.STEPS = (*migrations.STEPS, second)
migrations.LATEST = len(migrations.STEPS)
"""


@pytest.fixture
def older(store_path: Path) -> Path:
    """A store that holds three events and is one step older than the children's Tocsin."""
    store = open_store(store_path)
    Desk(store).append(*events(1, 3))
    store.close()
    return store_path


def test_an_older_store_is_only_read(older: Path) -> None:
    out = run_child(
        OLDER
        + """
store = open_store(path)
print(store.outdated, store.call(reading.heads)[reading.EventType.ALERTS])
sibling = store.sibling()
for one in (store, sibling):
    try:
        one.call(adding.append, [event(4)], NOW)
    except StoreError as error:
        print(one.outdated, error)
sibling.close()
store.close()
""",
        older,
    )
    assert out.splitlines()[0] == "True 3"
    assert [line.split()[0] for line in out.splitlines()[1:]] == ["True", "True"]
    assert "older" in out.splitlines()[1]
    assert header(older)[1] == migrations.LATEST
    assert len(list(older.parent.iterdir())) == 2


def test_an_upgrade_leaves_a_backup_of_the_older_store(older: Path) -> None:
    out = run_child(
        OLDER
        + """
store = open_store(path, migrate=True)
print(store.outdated, store.call(reading.heads)[reading.EventType.ALERTS])
store.call(adding.append, [event(4)], NOW)
store.close()
""",
        older,
    )
    assert out == "False 3\n"
    copy = older.with_name(f"tocsin.db.before-schema-{migrations.LATEST + 1}")
    assert mode(copy) == 0o600
    assert (header(older)[1], header(copy)[1]) == (migrations.LATEST + 1, migrations.LATEST)
    with closing(sqlite3.connect(copy)) as backup:
        assert backup.execute("SELECT count(*) FROM event").fetchone() == (3,)
    assert len(list(older.parent.iterdir())) == 3


def test_the_half_written_backup_of_an_upgrade_that_was_killed_is_written_anew(
    older: Path,
) -> None:
    copy = older.with_name(f"tocsin.db.before-schema-{migrations.LATEST + 1}")
    copy.with_name(f"{copy.name}.part").touch()
    run_child(OLDER + "open_store(path, migrate=True).close()", older)
    assert header(copy)[1] == migrations.LATEST
    assert len(list(older.parent.iterdir())) == 3


def test_an_upgrade_that_fails_changes_nothing(older: Path) -> None:
    out = run_child(
        OLDER
        + """
def third(database, vault):
    database.execute_sql("CREATE TABLE fact (value)")

migrations.STEPS = (*migrations.STEPS, third)
migrations.LATEST = len(migrations.STEPS)
try:
    open_store(path, migrate=True)
except StoreError as error:
    print(error)
""",
        older,
    )
    assert "table fact already exists" in out
    assert header(older)[1] == migrations.LATEST
    store = open_store(older)
    assert Desk(store).append(*events(1, 4)).accepted == 1
    store.close()


@pytest.mark.parametrize("round_", range(5))
def test_four_processes_make_one_store_of_nothing(store_path: Path, round_: int) -> None:
    script = """
ready()
store = open_store(path)
store.call(adding.append, [event(int(sys.argv[2]))], NOW)
store.call(store.vault.check)
print(store.vault.fingerprint())
store.close()
"""
    assert len(set(four_at_once(script, store_path))) == 1
    assert beside(store_path) - LEFT_BY_SQLITE == {"tocsin.db", "tocsin.key"}
    store = open_store(store_path)
    assert store.call(reading.heads)[ALERTS] == 4
    store.call(store.vault.check)
    store.close()
    assert beside(store_path) == {"tocsin.db", "tocsin.key"}


@pytest.mark.parametrize("round_", range(5))
def test_four_processes_upgrade_a_store_once(older: Path, round_: int) -> None:
    script = (
        OLDER
        + """
from store.migrations import upgrade
upgrade.PATIENCE_S = 60.0  # a busy machine may take longer than 5 s
ready()
store = open_store(path, migrate=True)
store.call(adding.append, [event(10 + int(sys.argv[2]))], NOW)
store.close()
"""
    )
    four_at_once(script, older)
    copy = older.with_name(f"tocsin.db.before-schema-{migrations.LATEST + 1}")
    made = {"tocsin.db", "tocsin.key", copy.name}
    assert beside(older) - LEFT_BY_SQLITE == made
    with closing(sqlite3.connect(older)) as upgraded:
        assert upgraded.execute("SELECT value FROM added").fetchall() == [(1,)]
        assert upgraded.execute("SELECT seq FROM head WHERE type = 'alerts'").fetchone() == (7,)
    assert header(copy)[1] == migrations.LATEST
    assert beside(older) == made


def four_at_once(script: str, path: Path) -> list[str]:
    children = [Child(script, path, str(number)) for number in range(4)]
    try:
        for child in children:
            child.wait_ready()
        for child in children:
            child.go()
        return [child.finish() for child in children]
    finally:
        for child in children:
            if child.process.poll() is None:
                child.kill()


def linked(store_path: Path, folder: Path) -> list[Path]:
    """Other names of the store: a link to the file, and one to its folder."""
    folder.mkdir()
    (folder / "alias.db").symlink_to(store_path)
    (folder / "home").symlink_to(store_path.parent)
    return [folder / "alias.db", folder / "home" / store_path.name]


def test_one_file_has_one_lock_and_one_key_by_whatever_name(
    store_path: Path, store: Store, tmp_path: Path
) -> None:
    lock = SendingLock(store.path)
    assert lock.acquire()
    for name in linked(store_path, tmp_path / "links"):
        other = open_store(name)
        assert not SendingLock(other.path).acquire()
        assert other.vault.key_file == store.vault.key_file
        other.call(other.vault.check)
        other.close()
    lock.release()
    assert not list((tmp_path / "links").glob("*.key"))


def test_a_new_store_is_made_where_a_dangling_link_points(store_path: Path, tmp_path: Path) -> None:
    _, through_folder = linked(store_path, tmp_path / "links")
    open_store(tmp_path / "links" / "alias.db").close()
    assert mode(store_path) == 0o600
    assert (store_path.parent / "tocsin.key").exists()
    open_store(through_folder, create=False).close()


def test_a_link_that_leads_nowhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.db").symlink_to(tmp_path / "b.db")
    (tmp_path / "b.db").symlink_to(tmp_path / "a.db")
    with pytest.raises(StoreUnavailable, match="cannot be opened"):
        open_store(tmp_path / "a.db")


def test_an_empty_database_is_no_store_and_left_alone(store_path: Path) -> None:
    store_path.parent.mkdir()
    with closing(sqlite3.connect(store_path)) as other:
        other.execute("VACUUM")
    assert "is an empty database: remove it" in refusal(store_path)


def test_the_names_of_store_and_key_outlast_a_power_cut(
    store_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their folders are synced, after the names are there."""
    synced: list[tuple[Path, bool]] = []
    key_file = tmp_path / "keys" / "tocsin.key"
    sync = os.fsync

    def note_and_sync(descriptor: int) -> None:
        folder = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        synced.append((folder, (folder / "tocsin.db").exists() or (folder / "tocsin.key").exists()))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", note_and_sync)
    open_store(store_path, key_file=key_file).close()
    assert (store_path.parent, True) in synced
    assert (key_file.parent, True) in synced


@pytest.mark.parametrize(("mode", "warned"), [(0o600, False), (0o640, True), (0o602, True)])
def test_a_store_that_is_open_to_others_is_opened_with_a_warning(
    store_path: Path, mode: int, warned: bool
) -> None:
    open_store(store_path).close()
    store_path.chmod(mode)
    store = open_store(store_path)
    store.close()
    sentence = f"{store_path} is open to others (mode {mode:04o}): run `chmod 0600 {store_path}`"
    assert store.warnings == ((sentence,) if warned else ())


@pytest.mark.parametrize(
    ("mode", "warned"), [(0o700, False), (0o755, False), (0o775, True), (0o1777, True)]
)
def test_a_folder_that_others_may_write_is_warned_of(
    store_path: Path, mode: int, warned: bool
) -> None:
    open_store(store_path).close()
    folder = store_path.parent
    folder.chmod(mode)
    store = open_store(store_path)
    store.close()
    folder.chmod(0o700)
    assert len(store.warnings) == warned
    for sentence in store.warnings:
        assert f"others may write to {folder} (mode {mode:04o})" in sentence
        assert "keep the store in a folder of its own" in sentence
        is_shared = mode == 0o1777  # as /tmp is, which must stay so
        assert (f"chmod go-w {folder}" in sentence) is not is_shared
