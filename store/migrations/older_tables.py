"""Tables of an older store as today's program asks for them: views that only one connection sees.

SQLite looks for a name among the temporary things first. So what is only read needs no other
queries for an older store, or for one that is upgraded in part.
"""

from __future__ import annotations

from store.engine import StoreConnection
from store.migrations import m0004_event_keys

_REFUSALS = 2
EVENT_KEYS = 4
"""The schema from which on events are in the order of their keys."""

_REFUSAL = """
    CREATE TEMP VIEW refusal AS
    SELECT NULL AS number, NULL AS id, NULL AS source, NULL AS queue, NULL AS reason, NULL AS body,
        NULL AS bytes, NULL AS at_ms, NULL AS alerted, NULL AS attempts, NULL AS last_error,
        NULL AS sent_ms, NULL AS sent_to
    WHERE 0
"""


def show(connection: StoreConnection, schema: int) -> None:
    """Show the tables of a schema as today's, and today's own as they are. Ends query_only."""
    connection.execute("PRAGMA query_only = 0")
    views = connection.execute("SELECT name FROM temp.sqlite_master WHERE type = 'view'").fetchall()
    for (name,) in views:
        connection.execute(f'DROP VIEW temp."{name}"')
    if schema < _REFUSALS:
        connection.execute(_REFUSAL)
    connection.has_older_events = schema < EVENT_KEYS
    if connection.has_older_events:
        m0004_event_keys.define(connection)
        for view in m0004_event_keys.VIEWS:
            connection.execute(view)
