"""Tokens: kept as hashes, known by them, and their use."""

from __future__ import annotations

import pytest

from domain.clients import new_token
from domain.errors import FieldError
from store import audit, tokens
from store.database import Store
from store.errors import Conflict, NotFound
from store.models import TokenRow
from tests.support.stores import ACTOR, MINUTE, NOW

TOKEN = new_token(lambda count: bytes(range(count)))


def test_a_token_is_known_and_nowhere_to_be_read(store: Store) -> None:
    store.call(tokens.add, "edge", TOKEN, ACTOR, NOW)
    assert store.call(tokens.name_of, TOKEN, NOW) == "edge"
    assert store.call(tokens.name_of, TOKEN + "x", NOW) is None
    assert store.call(tokens.name_of, "", NOW) is None
    kept = store.call(lambda: [row.hash for row in list(TokenRow.select())])
    assert TOKEN not in kept[0]
    changes = store.call(audit.changes)
    assert [change.action for change in changes] == ["token.add"]
    assert TOKEN not in repr(changes)


def test_the_use_is_noted_once_a_minute(store: Store) -> None:
    store.call(tokens.add, "edge", TOKEN, ACTOR, NOW)
    assert store.call(tokens.find, "edge").used_ms is None
    for now, used in ((NOW, NOW), (NOW + MINUTE - 1, NOW), (NOW + MINUTE, NOW + MINUTE)):
        store.call(tokens.name_of, TOKEN, now)
        assert store.call(tokens.find, "edge").used_ms == used
    # A clock that was put back does not keep it from being noted.
    store.call(tokens.name_of, TOKEN, NOW - MINUTE)
    assert store.call(tokens.find, "edge").used_ms == NOW - MINUTE


def test_a_name_is_used_once(store: Store) -> None:
    store.call(tokens.add, "edge", TOKEN, ACTOR, NOW)
    with pytest.raises(Conflict):
        store.call(tokens.add, "edge", TOKEN + "2", ACTOR, NOW)
    with pytest.raises(FieldError):
        store.call(tokens.add, "not a name", TOKEN, ACTOR, NOW)


def test_a_deleted_token_is_forgotten(store: Store) -> None:
    store.call(tokens.add, "edge", TOKEN, ACTOR, NOW)
    store.call(tokens.delete, "edge", ACTOR, NOW)
    assert store.call(tokens.name_of, TOKEN, NOW) is None
    assert store.call(tokens.load_all) == []
    with pytest.raises(NotFound):
        store.call(tokens.delete, "edge", ACTOR, NOW)
