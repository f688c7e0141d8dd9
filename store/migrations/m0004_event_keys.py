"""Events under one integer key each, numbers as ranges, the tables of minutes.

An event that is kept already may or may not have been given its `created`: all of these, of one
type, share a moment, and are recognised by their ids alone.
"""

from __future__ import annotations

import json
import sqlite3

from peewee import DatabaseProxy

from store.vault import Vault

_NUMBER = (
    "CASE type WHEN 'alerts' THEN 1 WHEN 'endpoint_stats' THEN 2"
    " WHEN 'log_authn' THEN 3 WHEN 'log_changes' THEN 4 END"
)
_KEY = f"(({_NUMBER}) << 48) + seq"
_FORMER = f"(({_NUMBER}) << 40) + (1 << 40) - 1"

STATEMENTS = (
    """
    CREATE TABLE "event_by_key" (
        "key" INTEGER NOT NULL PRIMARY KEY,
        "moment" INTEGER NOT NULL,
        "id" TEXT NOT NULL,
        "received_ms" INTEGER NOT NULL,
        "body" BLOB NOT NULL
    )
    """,
    f"""
    INSERT INTO "event_by_key" SELECT {_KEY}, {_FORMER}, id, received_ms, body
    FROM "event" ORDER BY type, seq
    """,  # noqa: S608 - constants
    'DROP TABLE "event"',
    'ALTER TABLE "event_by_key" RENAME TO "event"',
    'CREATE UNIQUE INDEX "event_moment_id" ON "event" ("moment", "id")',
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
    f"CREATE TEMP VIEW event AS SELECT {_KEY} AS key, {_FORMER} AS moment, id, received_ms, body"  # noqa: S608 - constants
    " FROM main.event",
    "CREATE TEMP VIEW delivery AS SELECT *,"
    " kept_numbers(first_seq, last_seq, without) AS numbers FROM main.delivery",
    "CREATE TEMP VIEW webhook AS SELECT *,"
    " kept_numbers(redo_next, redo_last, redo_without) AS redo_numbers,"
    " NULL AS retry_interval_ms FROM main.webhook",
)
"""Show an older store, which is only read, as one of this schema. They are found by all scans."""


def up(database: DatabaseProxy, _: Vault | None) -> None:
    """Write the events and the numbers anew."""
    connection = _prepared(database)
    _name_events_by_number(connection)
    for statement in STATEMENTS:
        connection.execute(statement)


def show_older(database: DatabaseProxy) -> None:
    """Let this connection read an older store as one of this schema."""
    connection = _prepared(database)
    for view in VIEWS:
        connection.execute(view)


def _prepared(database: DatabaseProxy) -> sqlite3.Connection:
    connection: sqlite3.Connection = database.connection()
    connection.create_function("kept_numbers", 3, _kept_numbers, deterministic=True)
    return connection


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
