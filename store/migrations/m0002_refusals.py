"""The texts that a source took and that are no events, frozen as they began."""

from __future__ import annotations

from peewee import DatabaseProxy

from store.vault import Vault

STATEMENTS = (
    """
    CREATE TABLE "refusal" (
        "number" INTEGER NOT NULL PRIMARY KEY,
        "id" VARCHAR(255) NOT NULL,
        "source" VARCHAR(255) NOT NULL,
        "queue" VARCHAR(255) NOT NULL,
        "reason" TEXT NOT NULL,
        "body" BLOB NOT NULL,
        "bytes" INTEGER NOT NULL,
        "at_ms" INTEGER NOT NULL,
        "alerted" INTEGER NOT NULL,
        "attempts" INTEGER NOT NULL,
        "last_error" TEXT,
        "sent_ms" INTEGER,
        "sent_to" INTEGER
    )
    """,
    """
    CREATE UNIQUE INDEX "refusal_id" ON "refusal" ("id")
    """,
    """
    CREATE INDEX "refusal_source_sent_ms_bytes" ON "refusal" ("source", "sent_ms", "bytes")
    """,
)


def up(database: DatabaseProxy, _: Vault | None) -> None:
    """Make the table and its indexes."""
    for statement in STATEMENTS:
        database.execute_sql(statement)
