"""By whom a worker was asked to give way."""

from __future__ import annotations

from peewee import DatabaseProxy


def up(database: DatabaseProxy) -> None:
    """Add the column."""
    database.execute_sql('ALTER TABLE "worker" ADD COLUMN "yield_to" VARCHAR(255)')
