"""Names that people may take for one another: new ones are refused, kept ones are listed.

A file of its own, since webhooks, sources, clients and tokens have names.
"""

from __future__ import annotations

from domain import names
from store.errors import Conflict
from store.models import database

_TABLES = {
    "webhook": "SELECT name FROM webhook WHERE name IS NOT NULL AND deleted_ms IS NULL",
    "source": "SELECT name FROM source",
    "client": "SELECT name FROM client",
    "token": "SELECT name FROM token",
}
_SHARED = {"client": ("client", "source"), "source": ("source", "client")}
"""The source of a host has the host's name."""


def refuse_lookalike(kind: str, name: str, own: str | None = None) -> None:
    """Raise FieldError or Conflict for a new name that looks empty or like one of its kind.

    `own` is the name that it replaces.
    """
    names.check_seen(name)
    there = {known for table in _SHARED.get(kind, (kind,)) for known in _names(table)} - {own}
    other = names.alike(name, there)
    if other is not None:
        raise Conflict(f"the name {name} looks like {other}, which is there: choose another")


def load_all() -> list[tuple[str, ...]]:
    """Return the names in the store that look empty, each alone, and those that look alike."""
    return [
        group
        for tables in (("webhook",), ("source", "client"), ("token",))
        for group in names.doubtful({name for table in tables for name in _names(table)})
    ]


def _names(table: str) -> list[str]:
    return [name for (name,) in database.execute_sql(_TABLES[table]).fetchall()]
