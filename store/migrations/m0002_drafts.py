"""Forms that were not saved yet, each login's own."""

from __future__ import annotations

from peewee import DatabaseProxy

STATEMENT = """
    CREATE TABLE "draft" (
        "login" VARCHAR(255) NOT NULL,
        "subject" VARCHAR(255) NOT NULL,
        "text" BLOB NOT NULL,
        "at_ms" INTEGER NOT NULL,
        PRIMARY KEY ("login", "subject")
    )
    """


def up(database: DatabaseProxy) -> None:
    """Make the table."""
    database.execute_sql(STATEMENT)
