"""A store replaced, deleted or cut while it is open: nothing is said to be kept any more."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from peewee import DatabaseProxy

from store import migrations, models
from store.database import Store, open_store
from store.errors import StoreGone, StoreUnavailable
from store.events import reading
from store.maintenance import backup, health, prune
from store.models import EventRow
from tests.support.stores import ALERTS, Desk, event, events, fields, run_child


def delete(path: Path) -> None:
    path.unlink()


def delete_all(path: Path) -> None:
    for file in path.parent.glob("tocsin.db*"):
        file.unlink()


def move_away(path: Path) -> None:
    path.rename(path.with_name("elsewhere.db"))


def replace(path: Path) -> None:
    copy = path.with_name("copy.db")
    backup.backup_to(path, copy)
    copy.replace(path)


def cut(path: Path) -> None:
    os.truncate(path, 0)


def cut_to_less_than_a_page(path: Path) -> None:
    os.truncate(path, 4_095)


def delete_log(path: Path) -> None:
    path.with_name("tocsin.db-wal").unlink()


def replace_log(path: Path) -> None:
    log = path.with_name("tocsin.db-wal")
    log.rename(log.with_name("old"))
    log.touch()


FAULTS = [
    (delete, r"tocsin\.db was deleted or moved away"),
    (delete_all, r"tocsin\.db was deleted or moved away"),
    (move_away, r"tocsin\.db was deleted or moved away"),
    (replace, r"another file was put in the place of .*tocsin\.db"),
    (cut, r"tocsin\.db was cut to 0 bytes"),
    (cut_to_less_than_a_page, r"tocsin\.db was cut to 4095 bytes"),
    (delete_log, r"tocsin\.db-wal was deleted or moved away"),
    (replace_log, r"another file was put in the place of .*tocsin\.db-wal"),
]
every_fault = pytest.mark.parametrize(("spoil", "sentence"), FAULTS)


@every_fault
def test_nothing_is_acknowledged_by_a_store_that_is_gone(
    store: Store, spoil: Callable[[Path], None], sentence: str
) -> None:
    desk = Desk(store)
    webhook_id = desk.add()
    desk.append(event(1))
    work = desk.started(webhook_id)
    spoil(store.path)
    with pytest.raises(StoreGone, match=sentence):
        desk.append(event(2))
    with pytest.raises(StoreGone, match=sentence):
        desk.end(work, 200)
    with pytest.raises(StoreGone, match="takes and sends nothing more"):
        desk.add(fields(name="other"))
    assert store.presence.is_gone


@every_fault
def test_it_is_noticed_by_looking_alone(
    store: Store, spoil: Callable[[Path], None], sentence: str
) -> None:
    Desk(store).append(event(1))
    store.presence.check()
    spoil(store.path)
    assert not store.presence.is_gone
    with pytest.raises(StoreGone, match=sentence):
        store.presence.check()


def test_every_connection_of_a_process_notices(store: Store) -> None:
    sibling = store.sibling()
    Desk(sibling).append(event(1))
    replace(store.path)
    for one in (sibling, store):
        with pytest.raises(StoreGone):
            Desk(one).append(event(2))
    sibling.close()


def test_a_further_connection_makes_nothing_where_the_store_was(store: Store) -> None:
    Desk(store).append(event(1))
    move_away(store.path)
    with pytest.raises(StoreGone, match="was deleted or moved away"):
        store.sibling()
    assert not store.path.exists()


def test_what_is_gone_stays_gone_when_it_is_put_back(store: Store) -> None:
    Desk(store).append(event(1))
    move_away(store.path)
    with pytest.raises(StoreGone):
        Desk(store).append(event(2))
    store.path.with_name("elsewhere.db").rename(store.path)
    with pytest.raises(StoreGone):
        Desk(store).append(event(3))


def test_a_file_that_takes_its_place_is_neither_written_nor_given_the_log(
    store_path: Path,
) -> None:
    store = open_store(store_path)
    desk = Desk(store)
    desk.append(*events(1, 3))
    replace(store.path)
    content = store.path.read_bytes()
    with pytest.raises(StoreGone):
        desk.append(event(4))
    store.close()
    assert store.path.read_bytes() == content
    names = {file.name for file in store.path.parent.iterdir()}
    assert names == {"tocsin.db", "tocsin.key", "tocsin.db-wal.set-aside-1"}
    again = open_store(store_path)
    assert again.call(reading.heads)[ALERTS] == 3
    assert again.call(health.problems, again.vault) == []
    again.close()


@pytest.mark.parametrize("rows", [3, 300])
def test_a_store_that_was_cut_is_not_patched_from_its_log(store_path: Path, rows: int) -> None:
    """SQLite would write what is in the log into the empty file, and leave holes for the rest.

    A short log it takes for damaged then; one of more pages than the store has it writes.
    """
    said = run_child(
        f"""
store = open_store(path)
store.call(adding.append, [event(n, text="x" * 999) for n in range({rows})], NOW)
store.call(lambda: models.database.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchall())
for n in range(1000, 1000 + {rows}):
    store.call(adding.append, [event(n, text="y" * 999)], NOW)
os.truncate(path, 0)
try:
    store.call(adding.append, [event(9999)], NOW)
except StoreError as error:
    print(error)
store.close()
""",
        store_path,
    )
    assert "was cut to 0 bytes" in said
    assert store_path.stat().st_size == 0
    assert store_path.with_name("tocsin.db-wal").stat().st_size > 0


def _checkpoint(store: Store) -> None:
    store.call(lambda: models.database.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchall())


def test_a_file_that_is_another_one_once_it_is_opened_is_opened_again(
    store_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a file system of layers, where a file that is written becomes a copy."""
    open_store(store_path).close()
    version_of, copies = migrations.version_of, [store_path.with_name("copy.db")]

    def copied_meanwhile(proxy: DatabaseProxy, path: Path) -> int:
        for copy in copies:
            shutil.copy(path, copy)
            copy.replace(path)
        copies.clear()
        return version_of(proxy, path)

    monkeypatch.setattr(migrations, "version_of", copied_meanwhile)
    store = open_store(store_path)
    assert Desk(store).append(event(1)).accepted == 1
    store.close()


def test_what_tocsin_itself_does_to_the_file_is_no_loss(store: Store, tmp_path: Path) -> None:
    desk = Desk(store)
    desk.append(*(event(number, text="x" * 9_999) for number in range(300)))
    _checkpoint(store)
    before = store.path.stat().st_size
    store.call(lambda: EventRow.delete().execute())
    while store.call(prune.give_back):
        pass
    _checkpoint(store)
    assert store.path.stat().st_size < before
    store.call(lambda: models.database.execute_sql("VACUUM"))
    _checkpoint(store)
    backup.backup_to(store.path, tmp_path / "copy.db")
    for _ in range(3):
        run_child("open_store(path).close()", store.path)
    assert desk.append(event(1_000)).accepted == 1
    assert store.presence.names == 1


def test_a_second_name_is_refused_at_the_start_and_told_while_it_is_open(store: Store) -> None:
    second = store.path.with_name("second.db")
    os.link(store.path, second)
    assert Desk(store).append(event(1)).accepted == 1
    assert store.presence.names == 2
    for name in (store.path, second):
        with pytest.raises(StoreUnavailable, match=r"has 2 names \(hard links\).*find .*remove"):
            open_store(name)
    open_store(store.path, create=False).close()
    second.unlink()
    store.presence.check()
    assert store.presence.names == 1
