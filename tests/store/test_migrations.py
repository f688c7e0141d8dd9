"""The frozen steps add up to the models of today."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from peewee import IntegrityError, SqliteDatabase

from domain.event_types import EventType
from store import migrations, models
from store.database import Store
from store.errors import StoreUnavailable
from store.models import DeliveryRow, HeadRow, database

Schema = dict[tuple[str, str], str]


def schema(path: Path) -> Schema:
    """Every table and index with its columns or its text, without spelling differences."""
    with closing(sqlite3.connect(path)) as file:
        things = file.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
        found = {(kind, name): normal(sql) for kind, name, sql in things if kind == "index" and sql}
        for name in [name for kind, name, _ in things if kind == "table"]:
            columns = file.execute(f"PRAGMA table_info({name})").fetchall()
            keys = file.execute(f"PRAGMA foreign_key_list({name})").fetchall()
            found["table", name] = f"{columns} {sorted(key[2:] for key in keys)}"
    return found


def normal(sql: str) -> str:
    return " ".join(sql.replace('"', "").replace("(", " ( ").replace(")", " ) ").split())


def test_the_steps_give_the_schema_of_the_models(store: Store, tmp_path: Path) -> None:
    made = tmp_path / "models.db"
    engine = SqliteDatabase(str(made))
    with engine.bind_ctx(models.MODELS), engine:
        engine.create_tables(models.MODELS, safe=False)
    engine.close()
    assert schema(store.path) == schema(made)


def test_a_new_store_has_a_head_for_each_type_and_the_number_of_its_schema(store: Store) -> None:
    heads = store.call(lambda: models.rows(HeadRow.select()))
    assert sorted(heads) == sorted((type_.value, 0, 0) for type_ in EventType)
    assert store.call(migrations.current_version, database) == migrations.LATEST


def test_foreign_keys_are_watched_on_every_connection(store: Store) -> None:
    orphan = DeliveryRow.insert(
        public_id="msg_1",
        webhook=99,
        type="alerts",
        first_seq=1,
        last_seq=1,
        count=1,
        bytes=1,
        sha256="",
        layout=1,
        sealed_ms=0,
        next_attempt_ms=0,
    )
    sibling = store.sibling()
    for one in (store, sibling):
        with pytest.raises(StoreUnavailable, match="FOREIGN KEY constraint failed") as caught:
            one.call(orphan.execute)
        assert isinstance(caught.value.__cause__, IntegrityError)
    sibling.close()
