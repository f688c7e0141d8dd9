"""A store as it is after months: many webhooks, deliveries and events, written in bulk."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from bench.stores import ADMIN, now_ms, opened
from domain.event_types import EventType
from domain.webhooks import WebhookFields
from store import webhooks
from store.events import keys

DAY_MS = 86_400_000
EVENTS = """
    WITH RECURSIVE n(i, at_ms) AS (
        SELECT 1, :now_ms - :events + 1 UNION ALL SELECT i + 1, at_ms + 1 FROM n WHERE i < :events
    )
    INSERT INTO event (key, moment, id, received_ms, body)
    SELECT :start + i, :epoch + at_ms / 1000, printf('b%010d', i * 7919 % 10000000019), at_ms,
        CAST(printf('{"type":"endpoint_stats","id":"b%010d","attributes":{"created":'
            || '"%s","ip":"192.0.2.1","port":51820,"rx_delta":%d,'
            || '"rx_total":31591436,"tx_delta":772,"tx_total":70276620,"note":"%s"}}',
            i * 7919 % 10000000019, strftime('%Y-%m-%dT%H:%M:%SZ', at_ms / 1000, 'unixepoch'),
            i % 9973, :filler) AS BLOB)
    FROM n
"""
DELIVERIES = """
    WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < :deliveries - 1)
    INSERT INTO delivery (id, public_id, webhook_id, type, first_seq, last_seq, numbers, count,
        bytes, sha256, splice, layout, state, attempts, sealed_ms, next_attempt_ms, wait_ms, reason,
        last_status, ended_ms)
    SELECT i + 1, printf('msg_%022d', i), i % :webhooks + 1, 'endpoint_stats',
        i / :webhooks * 10 + 1, i / :webhooks * 10 + 10, '', 10, 3700, printf('%064d', i), x'', 1,
        'delivered', 1, :now_ms - (:deliveries - i) * 10, :now_ms, 0, '', 200,
        :now_ms - (:deliveries - i) * 10 + 5
    FROM n
"""
ATTEMPTS = """
    INSERT INTO attempt (delivery_id, number, url, revision, started_ms, duration_ms, status,
        detail, answer_headers, answer_body, worker)
    SELECT id, 1, 'http://127.0.0.1:9/hook', 1, sealed_ms, 5, 200, 'answered 200 OK', '[]', x'',
        'bench' FROM delivery
"""
HEAD = "UPDATE head SET seq = :events WHERE type = 'endpoint_stats'"
DELIVERED = """
    UPDATE webhook SET last_attempt_ms = :now_ms - 60 * 60000, last_status = 200,
        delivered_events = 1000, delivered_ms = :now_ms - 60 * 60000,
        last_run_ms = :now_ms - 60 * 60000
"""


def make(
    path: Path, *, hooks: int, deliveries: int = 0, events: int = 0, days_ago: float = 0
) -> None:
    """Make a store in which everything is delivered and nothing counts down.

    The last event came an hour ago, or so many days.
    """
    with opened(path):
        pass
    numbers = {
        "webhooks": hooks,
        "deliveries": deliveries,
        "events": events,
        "now_ms": now_ms() - int((days_ago or 1 / 24) * DAY_MS),
        "filler": "x" * 130,
        "start": keys.key_of(EventType.ENDPOINT_STATS, 0),
        "epoch": keys.moment_of(EventType.ENDPOINT_STATS, keys.EPOCH_SLOT),
    }
    with closing(sqlite3.connect(path)) as database:
        if events:
            database.execute(EVENTS, numbers)
            database.execute(HEAD, numbers)
            database.commit()
        _add_webhooks(path, hooks)
        if deliveries:
            database.execute(DELIVERIES, numbers)
            database.execute(ATTEMPTS)
        database.execute(DELIVERED, numbers)
        database.commit()
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _add_webhooks(path: Path, hooks: int) -> None:
    with opened(path) as store:
        for number in range(hooks):
            store.call(
                webhooks.add,
                WebhookFields(
                    EventType.ENDPOINT_STATS, "http://127.0.0.1:9/hook", name=f"receiver-{number}"
                ),
                None,
                start="now",
                vault=store.vault,
                actor=ADMIN,
                now_ms=now_ms(),
            )
