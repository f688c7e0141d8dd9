"""Tokens of programs that hand events in over HTTP: only their hashes are kept."""

from __future__ import annotations

import hmac

from domain.actors import Actor
from domain.source_kinds import check_name
from domain.tokens import token_hash
from store import audit, lookalikes, models
from store.errors import Conflict, NotFound
from store.models import database
from store.records import StoredToken

USED_EVERY_MS = 60_000
"""How exactly the last use is kept: more would cost a write with every request."""


def add(name: str, token: str, actor: Actor, now_ms: int) -> StoredToken:
    """Let in whoever has this token. Raises FieldError, Conflict."""
    name = check_name(name)
    with database.atomic():
        if models.Token.get_or_none(models.Token.name == name) is not None:
            raise Conflict(f"there is a token {name} already: choose another name, or delete it")
        lookalikes.refuse("token", name)
        row = models.Token.create(name=name, hash=token_hash(token), created_ms=now_ms)
        audit.note(actor, "token.add", now_ms, token=name)
        return _record(row)


def delete(name: str, actor: Actor, now_ms: int) -> None:
    """Let in nobody with this token from now on. Raises NotFound."""
    with database.atomic():
        find(name)
        audit.note(actor, "token.delete", now_ms, token=name)
        models.Token.delete().where(models.Token.name == name).execute()


def find(name: str) -> StoredToken:
    """One token. Raises NotFound."""
    row = models.Token.get_or_none(models.Token.name == name)
    if row is None:
        raise NotFound(f"no token {name}; `tocsin token list` shows what there is")
    return _record(row)


def everyone() -> list[StoredToken]:
    """Every token, by name."""
    return [_record(row) for row in list(models.Token.select().order_by(models.Token.name))]


def name_of(token: str, now_ms: int) -> str | None:
    """Whose token this is; its use is noted. None for one that is not known."""
    given = token_hash(token)
    row = models.Token.get_or_none(models.Token.hash == given)
    if row is None or not hmac.compare_digest(row.hash, given):
        return None
    if row.used_ms is None or not 0 <= now_ms - row.used_ms < USED_EVERY_MS:
        with database.atomic():
            models.Token.update(used_ms=now_ms).where(models.Token.name == row.name).execute()
    name: str = row.name
    return name


def _record(row: models.Token) -> StoredToken:
    return StoredToken(row.name, row.created_ms, row.used_ms)
