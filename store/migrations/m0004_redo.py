"""The holes in a range that is to be sealed anew are kept, not looked for in the quarantine."""

from __future__ import annotations

import json

from peewee import DatabaseProxy

REDOS = 'SELECT "id", "redo_type", "redo_next", "redo_last" FROM "webhook" WHERE "redo_count" != 0'
QUARANTINED = """
    SELECT DISTINCT "seq" FROM "quarantine"
    WHERE "webhook_id" = ? AND "type" = ? AND "seq" BETWEEN ? AND ?
    ORDER BY "seq"
    """
COUNTED = 'UPDATE "webhook" SET "redo_without" = ?, "redo_count" = ? WHERE "id" = ?'
CLEARED = """
    UPDATE "webhook" SET "redo_type" = NULL, "redo_next" = NULL, "redo_last" = NULL,
        "redo_count" = 0, "redo_max_events" = NULL
    WHERE "id" = ?
    """


def up(database: DatabaseProxy) -> None:
    """Add the column, fill it, and count anew: the number was not always that of the range."""
    database.execute_sql('ALTER TABLE "webhook" ADD COLUMN "redo_without" TEXT')
    for webhook_id, type_, next_, last in database.execute_sql(REDOS).fetchall():
        found = database.execute_sql(QUARANTINED, (webhook_id, type_, next_, last)).fetchall()
        without = [seq for (seq,) in found]
        count = last - next_ + 1 - len(without)
        if count > 0:
            database.execute_sql(COUNTED, (json.dumps(without), count, webhook_id))
        else:
            database.execute_sql(CLEARED, (webhook_id,))
