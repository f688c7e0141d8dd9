"""Events under one integer key each, numbers as ranges, the tables of minutes.

An event that is kept already may or may not have been given its `created`: all of these, of one
type, share a moment, and are recognised by their ids alone. The events are copied into a new table
beside the old one, in short transactions; `up` lets it take the place of that, and does what was
not done before.
"""

from __future__ import annotations

import json
import sqlite3

from peewee import DatabaseProxy

from store.vault import Vault

ROWS = 10_000
"""Events copied in one transaction."""

_NUMBERS = {"alerts": 1, "endpoint_stats": 2, "log_authn": 3, "log_changes": 4}
_NUMBER = "CASE type {} END".format(
    " ".join(f"WHEN '{type_}' THEN {number}" for type_, number in _NUMBERS.items())
)
_KEY = f"(({_NUMBER}) << 48) + seq"
_FORMER = f"(({_NUMBER}) << 40) + (1 << 40) - 1"

_EVENTS = """
    CREATE TABLE IF NOT EXISTS "event_by_key" (
        "key" INTEGER NOT NULL PRIMARY KEY,
        "moment" INTEGER NOT NULL,
        "id" TEXT NOT NULL,
        "received_ms" INTEGER NOT NULL,
        "body" BLOB NOT NULL
    )
"""
_INDEX = """
    CREATE UNIQUE INDEX IF NOT EXISTS "event_moment_id" ON "event_by_key" ("moment", "id")
"""
_COPY = f"""
    INSERT INTO event_by_key SELECT {_KEY}, {_FORMER}, id, received_ms, body
    FROM event WHERE type = ? AND seq > ? ORDER BY seq LIMIT ?
"""  # noqa: S608 - constants
STATEMENTS = (
    'DROP TABLE "event"',
    'ALTER TABLE "event_by_key" RENAME TO "event"',
    'ALTER TABLE "delivery" RENAME COLUMN "without" TO "numbers"',
    "UPDATE delivery SET numbers = kept_numbers(first_seq, last_seq, numbers)",
    'ALTER TABLE "webhook" RENAME COLUMN "redo_without" TO "redo_numbers"',
    "UPDATE webhook SET redo_numbers = kept_numbers(redo_next, redo_last, redo_numbers)"
    " WHERE redo_numbers IS NOT NULL",
    'ALTER TABLE "webhook" ADD COLUMN "retry_interval_ms" INTEGER',
    """
    CREATE TABLE "webhook_minute" (
        "webhook_id" INTEGER NOT NULL,
        "minute" INTEGER NOT NULL,
        "delivered" INTEGER NOT NULL,
        "failed" INTEGER NOT NULL,
        "waiting" INTEGER,
        "latency" TEXT NOT NULL,
        PRIMARY KEY ("webhook_id", "minute")
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE "type_minute" (
        "type" VARCHAR(255) NOT NULL,
        "minute" INTEGER NOT NULL,
        "accepted" INTEGER NOT NULL,
        PRIMARY KEY ("type", "minute")
    ) WITHOUT ROWID
    """,
)
VIEWS = (
    f"CREATE TEMP VIEW event AS SELECT {_KEY} AS key, {_FORMER} AS moment, *"  # noqa: S608 - constants
    " FROM main.event",
    "CREATE TEMP VIEW delivery AS SELECT *,"
    " kept_numbers(first_seq, last_seq, without) AS numbers FROM main.delivery",
    "CREATE TEMP VIEW webhook AS SELECT *,"
    " kept_numbers(redo_next, redo_last, redo_without) AS redo_numbers,"
    " NULL AS retry_interval_ms FROM main.webhook",
    "CREATE TEMP VIEW webhook_minute AS SELECT NULL AS webhook_id, NULL AS minute,"
    " NULL AS delivered, NULL AS failed, NULL AS waiting, NULL AS latency WHERE 0",
    "CREATE TEMP VIEW type_minute AS SELECT NULL AS type, NULL AS minute, NULL AS accepted WHERE 0",
)
"""Show the tables of before, which are only read, as those of this schema."""


def copy_some(connection: sqlite3.Connection) -> int:
    """Copy the next events in the order of their numbers; return how many, 0 if all are copied."""
    connection.execute(_EVENTS)
    copied = 0
    for type_ in _NUMBERS:
        if copied < ROWS:
            values = (type_, _last_copied(connection, type_), ROWS - copied)
            copied += connection.execute(_COPY, values).rowcount
    return copied


def discard(connection: sqlite3.Connection) -> None:
    """Drop the copied events."""
    connection.execute("DROP TABLE IF EXISTS event_by_key")


def make_index(connection: sqlite3.Connection) -> None:
    """Index the copied events, in one sort: a tenth of the time that single entries take."""
    connection.execute(_INDEX)


def up(database: DatabaseProxy, _: Vault | None) -> None:
    """Write the events and the numbers anew."""
    connection = database.connection()
    while copy_some(connection):
        pass
    make_index(connection)
    define(connection)
    _name_events_by_number(connection)
    for statement in STATEMENTS:
        connection.execute(statement)


def define(connection: sqlite3.Connection) -> None:
    """Define the function of `STATEMENTS` and `VIEWS` on a connection."""
    connection.create_function("kept_numbers", 3, _kept_numbers, deterministic=True)


def _last_copied(connection: sqlite3.Connection, type_: str) -> int:
    """Return the last number of a type among the copied events; 0 if there are none."""
    lowest, above = _NUMBERS[type_] << 48, (_NUMBERS[type_] + 1) << 48
    ((key,),) = connection.execute(
        "SELECT max(key) FROM event_by_key WHERE key >= ? AND key < ?", (lowest, above)
    ).fetchall()
    return 0 if key is None else int(key) - lowest


def _kept_numbers(first: int | None, last: int | None, without: str | None) -> str | None:
    """Return lengths of ranges and gaps in turn, from the list of numbers that are left out."""
    if first is None or last is None or without is None:
        return None
    lengths: list[int] = []
    start = first
    for number in sorted(json.loads(without)):
        if number > start or not lengths:
            lengths += [number - start, 1]
        else:
            lengths[-1] += 1
        start = number + 1
    return json.dumps([*lengths, last + 1 - start], separators=(",", ":")) if lengths else ""


def _name_events_by_number(connection: sqlite3.Connection) -> None:
    """Name the event of a reseal that waits for the end of an attempt by its number."""
    waiting = connection.execute(
        "SELECT delivery.id, asked, seq FROM delivery JOIN event ON event.type = delivery.type"
        " AND event.id = json_extract(asked, '$.without')"
        " AND seq BETWEEN first_seq AND last_seq"
        " WHERE state = 'pending' AND asked IS NOT NULL"
    )
    for delivery_id, asked, seq in waiting.fetchall():
        changed = json.dumps(json.loads(asked) | {"without": seq})
        connection.execute("UPDATE delivery SET asked = ? WHERE id = ?", (changed, delivery_id))
