"""Tokens that were good are known for a second."""

from __future__ import annotations

import asyncio
import random

import pytest

from domain.clients import new_token
from sources.http import events
from sources.http.events import KNOWN_S, TokenCheck
from sources.http.messages import Request, RequestRefused
from sources.http.sign_in_watch import HttpSignIn
from sources.intake import Inlet
from store import tokens
from store.database import Store
from store.errors import StoreUnavailable
from tests.support.stores import ACTOR, NOW

TOKEN, OTHER, *MANY = (new_token(random.Random(seed).randbytes) for seed in range(7))


class Door:
    """A check of tokens, with clocks that are set, and the questions that it asks the store."""

    def __init__(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        self.store = store
        self.now_s = 1000.0
        self.asked: list[str] = []
        self.failing = False
        self.takes_s = 0.0
        inlet = Inlet("http", store, self._now_ms, on_appended=lambda: None)
        self.check = TokenCheck(inlet, self._report, lambda: self.now_s)
        self._ask = tokens.name_of
        monkeypatch.setattr(tokens, "name_of", self._name_of)
        store.call(tokens.add, "edge", TOKEN, ACTOR, NOW)

    async def name(self, token: str = TOKEN) -> str | None:
        """The name of who is let in, None for one who is not."""
        headers = {"authorization": f"Bearer {token}"}
        try:
            return await self.check.admit(Request("POST", "/events", headers, "192.0.2.1"))
        except RequestRefused:
            return None

    def _now_ms(self) -> int:
        return NOW + int((self.now_s - 1000) * 1000)

    def _name_of(self, token: str, now_ms: int) -> str | None:
        self.asked.append(token)
        if self.failing:
            raise StoreUnavailable("the disk is full")
        name = self._ask(token, now_ms)
        self.now_s += self.takes_s
        return name

    async def _report(self, sign_in: HttpSignIn) -> None:
        pass


@pytest.fixture
def door(store: Store, monkeypatch: pytest.MonkeyPatch) -> Door:
    return Door(store, monkeypatch)


def test_requests_that_come_together_ask_once(door: Door) -> None:
    async def run() -> None:
        names = await asyncio.gather(*(door.name() for _ in range(50)))
        assert names == ["edge"] * 50
        assert await door.name() == "edge"

    asyncio.run(run())
    assert door.asked == [TOKEN]


def test_a_deleted_token_lets_nobody_in_a_second_later(door: Door) -> None:
    async def run() -> None:
        assert await door.name() == "edge"
        await door.store.run(tokens.delete, "edge", ACTOR, NOW)
        door.now_s += KNOWN_S
        assert await door.name() is None

    asyncio.run(run())
    assert KNOWN_S == 1.0


def test_the_second_begins_before_the_store_is_asked(door: Door) -> None:
    """The token may be deleted while the answer is on its way."""

    async def run() -> None:
        door.takes_s = KNOWN_S
        assert await door.name() == "edge"
        await door.store.run(tokens.delete, "edge", ACTOR, NOW)
        assert await door.name() is None

    asyncio.run(run())


def test_use_extends_no_second(door: Door) -> None:
    async def run() -> None:
        assert await door.name() == "edge"
        await door.store.run(tokens.delete, "edge", ACTOR, NOW)
        for _ in range(3):
            door.now_s += KNOWN_S / 4
            assert await door.name() == "edge"
        door.now_s += KNOWN_S / 4
        assert await door.name() is None

    asyncio.run(run())


def test_a_token_is_good_as_soon_as_it_is_added(door: Door) -> None:
    async def run() -> None:
        assert await door.name(OTHER) is None
        await door.store.run(tokens.add, "other", OTHER, ACTOR, NOW)
        assert await door.name(OTHER) == "other"

    asyncio.run(run())


def test_the_last_use_is_known_to_a_minute(door: Door) -> None:
    async def run() -> None:
        for _ in range(400):
            await door.name()
            stored = await door.store.run(tokens.find, "edge")
            assert stored.used_ms is not None
            assert 0 <= NOW + (door.now_s - 1000) * 1000 - stored.used_ms < 60_000 + KNOWN_S * 1000
            door.now_s += 0.5

    asyncio.run(run())


def test_of_many_tokens_so_many_are_known(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MOST_REMEMBERED", 2)

    async def run() -> None:
        for number, token in enumerate(MANY):
            await door.store.run(tokens.add, f"t{number}", token, ACTOR, NOW)
        for _ in range(2):
            names = [await door.name(token) for token in MANY]
            assert names == [f"t{number}" for number in range(len(MANY))]
            assert len(door.check._known) == 2
        assert not door.check._asked

    asyncio.run(run())


def test_who_goes_away_ends_the_question_of_nobody_else(door: Door) -> None:
    async def run() -> None:
        first, second = (asyncio.create_task(door.name()) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        assert await second == "edge"
        assert door.asked == [TOKEN]

    asyncio.run(run())


def test_what_the_store_refuses_is_asked_again(door: Door) -> None:
    async def run() -> None:
        door.failing = True
        for found in await asyncio.gather(*(door.name() for _ in range(3)), return_exceptions=True):
            assert isinstance(found, StoreUnavailable)
        door.failing = False
        assert await door.name() == "edge"

    asyncio.run(run())
