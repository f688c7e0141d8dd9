"""Agents and brokers that sign in: adding them, their set-up, and when they were last seen.

Of a set-up code only the SHA-256 is kept; it has 128 random bits, which nobody can search.
"""

from __future__ import annotations

import hashlib
import hmac

from domain import clients as client_kinds
from domain.actors import Actor
from domain.source_kinds import check_name
from store import audit, lookalikes, sources
from store.errors import Conflict, NotFound
from store.models import ClientRow, database
from store.queue import broker_cursors
from store.records import Client, record_from

NOUNS = {client_kinds.AGENT: "host", client_kinds.BROKER: "broker"}
"""The noun of each kind of client for admins."""


def add(kind: str, name: str, user_id: str, code: str, actor: Actor, now_ms: int) -> Client:
    """Keep a new client that may set itself up with `code`; with an agent comes its source.

    A broker's cursors are the heads of all queues. Raises FieldError, Conflict.
    """
    name = check_name(name)
    with database.atomic():
        other = ClientRow.get_or_none(ClientRow.name == name)
        if other is not None:
            raise Conflict(
                f"there is a {NOUNS[other.kind]} {name} already: choose another name, or give it "
                f"a new set-up code with `tocsin {NOUNS[other.kind]} renew {name}`"
            )
        lookalikes.refuse_lookalike("client", name)
        row = ClientRow.create(
            name=name,
            kind=kind,
            user_id=user_id,
            host_id=client_kinds.host_id(name) if kind == client_kinds.AGENT else "",
            setup_hash=_hash(code),
            setup_until_ms=now_ms + client_kinds.SETUP_MS,
            created_ms=now_ms,
        )
        if kind == client_kinds.AGENT:
            sources.add(client_kinds.AGENT, name, {}, actor, now_ms)
        else:
            broker_cursors.begin(name)
        _note(actor, kind, "add", name, now_ms)
        return _record(row)


def renew(kind: str, name: str, code: str, actor: Actor, now_ms: int) -> Client:
    """Let it set itself up anew; the key that it had is refused from now on.

    Raises NotFound.
    """
    with database.atomic():
        row = _row(kind, name)
        row.setup_hash = _hash(code)
        row.setup_until_ms = now_ms + client_kinds.SETUP_MS
        row.public_key = None
        row.save()
        _note(actor, kind, "renew", name, now_ms)
        return _record(row)


def delete(kind: str, name: str, actor: Actor, now_ms: int) -> None:
    """Let it sign in no more; forget an agent's source and a broker's cursors. Raises NotFound."""
    with database.atomic():
        row = _row(kind, name)
        _note(actor, kind, "delete", name, now_ms)
        if kind == client_kinds.AGENT:
            sources.delete(name, actor, now_ms)
        else:
            broker_cursors.forget(name)
        row.delete_instance()


def find(kind: str, name: str) -> Client:
    """Return one client. Raises NotFound."""
    return _record(_row(kind, name))


def load_all(kind: str) -> list[Client]:
    """Return every client of a kind, ordered by name."""
    client = ClientRow
    return [
        _record(row)
        for row in list(client.select().where(client.kind == kind).order_by(client.name))
    ]


def with_user_id(user_id: str) -> Client | None:
    """Return the client with this user id, or None."""
    row = ClientRow.get_or_none(ClientRow.user_id == user_id)
    return None if row is None else _record(row)


def set_up(
    kind: str, user_id: str, code: str, public_key: str, address: str, now_ms: int
) -> str | None:
    """Keep the key that a client brings with its code, once; return its name, None if refused."""
    with database.atomic():
        row = ClientRow.get_or_none(ClientRow.user_id == user_id, ClientRow.kind == kind)
        kept = row.setup_hash or "" if row is not None else ""
        is_right = hmac.compare_digest(kept, _hash(code))
        if row is None or not is_right or now_ms >= (row.setup_until_ms or 0):
            return None
        row.setup_hash = row.setup_until_ms = None
        row.public_key = public_key
        row.save()
        _note(Actor(f"{kind} {row.name}", None, address), kind, "setup", row.name, now_ms)
        return str(row.name)


def note_seen(name: str, now_ms: int) -> None:
    """Note that a client was heard of, and how often an agent usually reports."""
    with database.atomic():
        row = ClientRow.get_or_none(ClientRow.name == name)
        if row is None:
            return
        if row.seen_ms is not None and now_ms > row.seen_ms:
            row.interval_ms = usual_interval(row.interval_ms, now_ms - row.seen_ms)
        row.seen_ms = now_ms
        row.save()


def usual_interval(usual_ms: int | None, gap_ms: int) -> int:
    """Return the usual time between two reports after one more gap; an outage moves it little."""
    if usual_ms is None:
        return gap_ms
    return (3 * usual_ms + min(gap_ms, 2 * usual_ms + 1)) // 4


def _row(kind: str, name: str) -> ClientRow:
    row = ClientRow.get_or_none(ClientRow.name == name, ClientRow.kind == kind)
    if row is None:
        noun = NOUNS[kind]
        raise NotFound(f"no {noun} {name}; `tocsin {noun} list` shows what there is")
    return row


def _note(actor: Actor, kind: str, what: str, name: str, now_ms: int) -> None:
    noun = NOUNS[kind]
    audit.note(actor, f"{noun}.{what}", now_ms, None, **{noun: name})


def _hash(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()


def _record(row: ClientRow) -> Client:
    until_ms = row.setup_until_ms if row.setup_hash is not None else None
    return record_from(Client, row, setup_until_ms=until_ms)
