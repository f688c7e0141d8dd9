"""The first schema, frozen as it was: `store/models.py` goes on, this does not."""

from __future__ import annotations

from peewee import DatabaseProxy

from domain.event_types import EventType
from store.vault import Vault

STATEMENTS = (
    """
    CREATE TABLE "webhook" (
        "id" INTEGER NOT NULL PRIMARY KEY,
        "name" VARCHAR(255),
        "revision" INTEGER NOT NULL,
        "target_revision" INTEGER NOT NULL,
        "type" VARCHAR(255) NOT NULL,
        "active" INTEGER NOT NULL,
        "url" TEXT NOT NULL,
        "headers" BLOB,
        "extra_fields" TEXT NOT NULL,
        "max_events" INTEGER,
        "max_bytes" INTEGER,
        "interval_ms" INTEGER,
        "ca_file" TEXT,
        "secrets" BLOB,
        "cursor" INTEGER NOT NULL,
        "run_until" INTEGER NOT NULL,
        "last_run_ms" INTEGER,
        "redo_type" VARCHAR(255),
        "redo_next" INTEGER,
        "redo_last" INTEGER,
        "redo_without" TEXT,
        "redo_count" INTEGER NOT NULL,
        "redo_max_events" INTEGER,
        "released" INTEGER NOT NULL,
        "delivered_events" INTEGER NOT NULL,
        "delivered_ms" INTEGER,
        "skipped_events" INTEGER NOT NULL,
        "last_attempt_ms" INTEGER,
        "last_status" INTEGER,
        "last_error" TEXT,
        "created_ms" INTEGER NOT NULL,
        "updated_ms" INTEGER NOT NULL,
        "deleted_ms" INTEGER,
        "erased_ms" INTEGER
    )
    """,
    """
    CREATE UNIQUE INDEX "webhook_name" ON "webhook" ("name") WHERE ("deleted_ms" IS NULL)
    """,
    """
    CREATE TABLE "delivery" (
        "id" INTEGER NOT NULL PRIMARY KEY,
        "public_id" VARCHAR(255) NOT NULL,
        "webhook_id" INTEGER NOT NULL,
        "type" VARCHAR(255) NOT NULL,
        "first_seq" INTEGER NOT NULL,
        "last_seq" INTEGER NOT NULL,
        "without" TEXT NOT NULL,
        "count" INTEGER NOT NULL,
        "bytes" INTEGER NOT NULL,
        "sha256" VARCHAR(255) NOT NULL,
        "splice" BLOB NOT NULL,
        "layout" INTEGER NOT NULL,
        "state" VARCHAR(255) NOT NULL,
        "attempts" INTEGER NOT NULL,
        "sealed_ms" INTEGER NOT NULL,
        "next_attempt_ms" INTEGER NOT NULL,
        "wait_ms" INTEGER NOT NULL,
        "reason" TEXT NOT NULL,
        "sending_since_ms" INTEGER,
        "asked" TEXT,
        "blocked" TEXT,
        "last_status" INTEGER,
        "last_error" TEXT,
        "ended_ms" INTEGER,
        "ended_by" TEXT,
        FOREIGN KEY ("webhook_id") REFERENCES "webhook" ("id") ON DELETE RESTRICT
    )
    """,
    """
    CREATE UNIQUE INDEX "delivery_public_id" ON "delivery" ("public_id")
    """,
    """
    CREATE INDEX "delivery_webhook_id" ON "delivery" ("webhook_id")
    """,
    """
    CREATE UNIQUE INDEX "delivery_one_pending"
        ON "delivery" ("webhook_id")
        WHERE ("state" = 'pending')
    """,
    """
    CREATE INDEX "delivery_type_ended" ON "delivery" ("type", "ended_ms", "first_seq")
    """,
    """
    CREATE TABLE "attempt" (
        "id" INTEGER NOT NULL PRIMARY KEY,
        "delivery_id" INTEGER NOT NULL,
        "number" INTEGER NOT NULL,
        "url" TEXT NOT NULL,
        "revision" INTEGER NOT NULL,
        "started_ms" INTEGER NOT NULL,
        "duration_ms" INTEGER NOT NULL,
        "status" INTEGER,
        "error" TEXT,
        "detail" TEXT NOT NULL,
        "answer_headers" TEXT NOT NULL,
        "answer_body" BLOB NOT NULL,
        "worker" VARCHAR(255) NOT NULL,
        FOREIGN KEY ("delivery_id") REFERENCES "delivery" ("id") ON DELETE CASCADE
    )
    """,
    """
    CREATE INDEX "attempt_delivery_id_number" ON "attempt" ("delivery_id", "number")
    """,
    """
    CREATE TABLE "change" (
        "id" INTEGER NOT NULL PRIMARY KEY,
        "at_ms" INTEGER NOT NULL,
        "user" TEXT NOT NULL,
        "login" TEXT,
        "address" TEXT,
        "action" VARCHAR(255) NOT NULL,
        "webhook_id" INTEGER,
        "detail" TEXT NOT NULL
    )
    """,
    """
    CREATE INDEX "change_webhook_id" ON "change" ("webhook_id")
    """,
    """
    CREATE TABLE "draft" (
        "login" VARCHAR(255) NOT NULL,
        "subject" VARCHAR(255) NOT NULL,
        "text" BLOB NOT NULL,
        "at_ms" INTEGER NOT NULL,
        PRIMARY KEY ("login", "subject")
    )
    """,
    """
    CREATE TABLE "event" (
        "type" VARCHAR(255) NOT NULL,
        "seq" INTEGER NOT NULL,
        "id" VARCHAR(255) NOT NULL,
        "received_ms" INTEGER NOT NULL,
        "body" BLOB NOT NULL,
        PRIMARY KEY ("type", "seq")
    )
    """,
    """
    CREATE UNIQUE INDEX "event_type_id" ON "event" ("type", "id")
    """,
    """
    CREATE TABLE "fact" (
        "name" VARCHAR(255) NOT NULL PRIMARY KEY,
        "value" TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE "head" (
        "type" VARCHAR(255) NOT NULL PRIMARY KEY,
        "seq" INTEGER NOT NULL,
        "pruned" INTEGER NOT NULL
    )
    """,
    """
    CREATE TABLE "quarantine" (
        "id" INTEGER NOT NULL PRIMARY KEY,
        "webhook_id" INTEGER NOT NULL,
        "type" VARCHAR(255) NOT NULL,
        "seq" INTEGER NOT NULL,
        "event_id" VARCHAR(255) NOT NULL,
        "delivery_public_id" VARCHAR(255) NOT NULL,
        "at_ms" INTEGER NOT NULL,
        "released_ms" INTEGER,
        "sent_in_id" INTEGER,
        FOREIGN KEY ("webhook_id") REFERENCES "webhook" ("id") ON DELETE RESTRICT,
        FOREIGN KEY ("sent_in_id") REFERENCES "delivery" ("id") ON DELETE CASCADE
    )
    """,
    """
    CREATE INDEX "quarantine_webhook_id" ON "quarantine" ("webhook_id")
    """,
    """
    CREATE TABLE "setting" (
        "name" VARCHAR(255) NOT NULL PRIMARY KEY,
        "value" TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE "source" (
        "name" VARCHAR(255) NOT NULL PRIMARY KEY,
        "kind" VARCHAR(255) NOT NULL,
        "active" INTEGER NOT NULL,
        "options" TEXT NOT NULL,
        "secrets" BLOB,
        "revision" INTEGER NOT NULL,
        "state" BLOB,
        "accepted_events" INTEGER NOT NULL,
        "last_event_ms" INTEGER,
        "last_ok_ms" INTEGER,
        "error" TEXT,
        "error_ms" INTEGER,
        "failures" INTEGER NOT NULL,
        "created_ms" INTEGER NOT NULL,
        "updated_ms" INTEGER NOT NULL
    )
    """,
    """
    CREATE TABLE "alert_setting" (
        "kind" VARCHAR(255) NOT NULL PRIMARY KEY,
        "options" TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE "token" (
        "name" VARCHAR(255) NOT NULL PRIMARY KEY,
        "hash" VARCHAR(255) NOT NULL,
        "created_ms" INTEGER NOT NULL,
        "used_ms" INTEGER
    )
    """,
    'CREATE UNIQUE INDEX "token_hash" ON "token" ("hash")',
    """
    CREATE TABLE "client" (
        "name" VARCHAR(255) NOT NULL PRIMARY KEY,
        "kind" VARCHAR(255) NOT NULL,
        "user_id" VARCHAR(255) NOT NULL,
        "host_id" VARCHAR(255) NOT NULL,
        "setup_hash" VARCHAR(255),
        "setup_until_ms" INTEGER,
        "public_key" VARCHAR(255),
        "created_ms" INTEGER NOT NULL,
        "seen_ms" INTEGER,
        "interval_ms" INTEGER
    )
    """,
    'CREATE UNIQUE INDEX "client_user_id" ON "client" ("user_id")',
    """
    CREATE TABLE "place" (
        "client" VARCHAR(255) NOT NULL,
        "type" VARCHAR(255) NOT NULL,
        "seq" INTEGER NOT NULL,
        PRIMARY KEY ("client", "type")
    )
    """,
    """
    CREATE TABLE "worker" (
        "id" VARCHAR(255) NOT NULL PRIMARY KEY,
        "host" TEXT NOT NULL,
        "pid" INTEGER NOT NULL,
        "kind" VARCHAR(255) NOT NULL,
        "active" INTEGER NOT NULL,
        "started_ms" INTEGER NOT NULL,
        "heartbeat_ms" INTEGER NOT NULL,
        "yield_to" VARCHAR(255)
    )
    """,
)

OWN_SIGN_INS = """
    INSERT INTO source
        (name, kind, active, options, revision, accepted_events, failures, created_ms, updated_ms)
    SELECT 'sign-ins', 'sign_ins', 1, '{}', 1, 0, 0, now_ms, now_ms
    FROM (SELECT 1000 * CAST(strftime('%s', 'now') AS INTEGER) AS now_ms)
"""


def up(database: DatabaseProxy, _: Vault | None) -> None:
    """Make every table and index, a head for each of the four types, and the built-in source."""
    for statement in STATEMENTS:
        database.execute_sql(statement)
    for type_ in EventType:
        database.execute_sql(
            "INSERT INTO head (type, seq, pruned) VALUES (?, 0, 0)", (type_.value,)
        )
    database.execute_sql(OWN_SIGN_INS)
