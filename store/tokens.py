"""Tokens of programs that hand events in over HTTP: only their hashes are kept."""

from __future__ import annotations

import hmac

from domain.actors import Actor
from domain.clients import token_hash
from domain.source_kinds import check_name
from store import audit, lookalikes
from store.errors import Conflict, NotFound
from store.models import TokenRow, database
from store.records import StoredToken

USED_EVERY_MS = 60_000
"""Precision of the last use: more would cost a write with every request."""


def add(name: str, token: str, actor: Actor, now_ms: int) -> StoredToken:
    """Let in programs that have this token. Raises FieldError, Conflict."""
    name = check_name(name)
    with database.atomic():
        if TokenRow.get_or_none(TokenRow.name == name) is not None:
            raise Conflict(f"there is a token {name} already: choose another name, or delete it")
        lookalikes.refuse_lookalike("token", name)
        row = TokenRow.create(name=name, hash=token_hash(token), created_ms=now_ms)
        audit.note(actor, "token.add", now_ms, token=name)
        return _record(row)


def delete(name: str, actor: Actor, now_ms: int) -> None:
    """Let in no program with this token from now on. Raises NotFound."""
    with database.atomic():
        find(name)
        audit.note(actor, "token.delete", now_ms, token=name)
        TokenRow.delete().where(TokenRow.name == name).execute()


def find(name: str) -> StoredToken:
    """Return one token. Raises NotFound."""
    row = TokenRow.get_or_none(TokenRow.name == name)
    if row is None:
        raise NotFound(f"no token {name}; `tocsin token list` shows what there is")
    return _record(row)


def load_all() -> list[StoredToken]:
    """Return every token, ordered by name."""
    return [_record(row) for row in list(TokenRow.select().order_by(TokenRow.name))]


def name_of(token: str, now_ms: int) -> str | None:
    """Return the name of a token and note its use; None for an unknown one."""
    given = token_hash(token)
    row = TokenRow.get_or_none(TokenRow.hash == given)
    if row is None or not hmac.compare_digest(row.hash, given):
        return None
    if row.used_ms is None or not 0 <= now_ms - row.used_ms < USED_EVERY_MS:
        with database.atomic():
            TokenRow.update(used_ms=now_ms).where(TokenRow.name == row.name).execute()
    name: str = row.name
    return name


def _record(row: TokenRow) -> StoredToken:
    return StoredToken(row.name, row.created_ms, row.used_ms)
