"""`POST /events`: what is taken, what is refused, and what a repeat does."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from domain.clients import new_token
from domain.event_types import EventType
from sources.http import sign_in_watch as counted
from sources.http.events import routes
from sources.http.sign_in_watch import HttpSignIn, LimitedReports
from sources.intake import Inlet
from store import sources, tokens
from store.database import Store
from store.errors import StoreError
from store.events import reading
from tests.sources.http.serving import Reply, Served, serving
from tests.support.stores import ACTOR

NOW_MS = 1_795_502_130_500
TOKEN = new_token(lambda count: bytes(range(count)))
EVENT = {"type": "alerts", "id": "a1", "attributes": {"created": "2026-11-24T08:00:00Z"}}
OTHER = {"created": "2026-11-24T08:00:00Z", "text": "other"}
WITHOUT_ID = {"type": "alerts", "attributes": {"text": "x"}}


class Way:
    """A served `/events` and what came through it."""

    def __init__(self, served: Served, store: Store, sign_ins: list[HttpSignIn]) -> None:
        self.served = served
        self.store = store
        self.sign_ins = sign_ins

    async def post(self, body: object, token: str | None = TOKEN, **headers: str) -> Reply:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return await self.served.ask("POST", "/events", data, **headers)

    async def ids(self) -> list[str]:
        found = await self.store.run(reading.after, EventType.ALERTS, 0, limit=1000)
        return [one.id for one in found]


@asynccontextmanager
async def way(
    store: Store, *, least_free: int = 0, failures: Sequence[Exception] = ()
) -> AsyncIterator[Way]:
    """`failures` are of the first reports of sign-ins."""
    await store.run(sources.add, "http", "http", {}, ACTOR, NOW_MS)
    await store.run(tokens.add, "edge", TOKEN, ACTOR, NOW_MS)
    sign_ins: list[HttpSignIn] = []
    failing = list(failures)

    async def report(sign_in: HttpSignIn) -> None:
        if failing:
            raise failing.pop()
        sign_ins.append(sign_in)

    inlet = Inlet(
        "http", store, lambda: NOW_MS, on_appended=lambda: None, min_free_disk_bytes=least_free
    )
    dice = iter(range(1, 1_000_000))
    few = LimitedReports(report, inlet.clock)
    async with serving(routes(inlet, lambda: next(dice), few)) as served:
        yield Way(served, store, sign_ins)


def counts(accepted: int, repeated: int) -> dict[str, int]:
    return {"accepted": accepted, "repeated": repeated}


LINES = b"\n".join(json.dumps(EVENT | {"id": f"a{number}"}).encode() for number in (1, 2, 3))


@pytest.mark.parametrize(
    ("body", "accepted"),
    [
        (EVENT, 1),
        ([EVENT, EVENT | {"id": "a2"}], 2),
        ([], 0),
        (LINES, 3),
        (LINES + b"\n\n", 3),
        (json.dumps(EVENT, indent=1).encode(), 1),
    ],
    ids=["object", "array", "empty array", "lines", "lines with an end", "indented"],
)
def test_every_form_is_taken_and_a_repeat_is_known(
    store: Store, body: object, accepted: int
) -> None:
    async def run() -> None:
        async with way(store) as there:
            reply = await there.post(body)
            assert (reply.status, reply.content) == (200, counts(accepted, 0))
            assert (await there.post(body)).content == counts(0, accepted)
            packed = gzip.compress(body if isinstance(body, bytes) else json.dumps(body).encode())
            reply = await there.post(packed, Content_Encoding="gzip", Content_Type="text/x-odd")
            assert reply.content == counts(0, accepted)

    asyncio.run(run())


BAD = {"type": "alerts", "id": "b", "attributes": {"created": "yesterday"}}


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b"", "event"),
        (b"{", "byte 1"),
        (b"\xff\xfe", "byte 0"),
        (b'{"a":' + b"9" * 5_000 + b"x", "byte 5005"),
        ({"type": "alarms", "attributes": {}}, "type"),
        (BAD, "attributes.created"),
        ([EVENT, BAD], "event 2 of 2, attributes.created"),
        (LINES + b"\n" + json.dumps(BAD).encode(), "line 4, attributes.created"),
        (LINES + b"\nnonsense", "line 4, byte 0"),
    ],
    ids=[
        "empty",
        "cut",
        "bytes",
        "digits",
        "type",
        "time",
        "array",
        "lines",
        "a bad line",
    ],
)
def test_a_refusal_says_where_and_takes_nothing(store: Store, body: object, place: str) -> None:
    async def run() -> None:
        async with way(store) as there:
            reply = await there.post(body)
            assert reply.status == 400
            assert reply.content["place"] == place
            assert reply.content["error"]
            assert await there.ids() == []

    asyncio.run(run())


@pytest.mark.parametrize("form", ["array", "lines", "one"])
def test_each_event_is_taken_that_stands_alone_and_a_repeat_is_answered_alike(
    store: Store, form: str
) -> None:
    sent = [EVENT | {"id": "a2"}, EVENT | {"attributes": OTHER}, EVENT | {"id": "a3"}]
    body: object = sent
    places = {"array": "event 2 of 3", "lines": "line 2", "one": "event"}
    if form == "lines":
        body = b"\n".join(json.dumps(event).encode() for event in sent)
    if form == "one":
        body, sent = sent[1], sent[1:2]

    async def run() -> None:
        async with way(store) as there:
            await there.post(EVENT)
            others = len(sent) - 1
            for expected in (counts(others, 0), counts(0, others)):
                reply = await there.post(body)
                assert reply.status == 409
                error = reply.content.pop("error")
                assert error.startswith(f"refused 1 of {len(sent)} event")
                assert error.endswith("all others are on disk") == (others > 0)
                reason = reply.content["refused"][0].pop("reason")
                assert reason.startswith("its id is known already with another body: leave it out")
                refused = {"place": places[form], "id": "a1"}
                assert reply.content == expected | {"refused": [refused]}
            left_out = [event for event in sent if event["id"] != "a1"]
            assert (await there.post(left_out)).content == counts(0, others)
            assert await there.ids() == ["a1", "a2", "a3"][: others + 1]

    asyncio.run(run())


@pytest.mark.parametrize("form", ["array", "lines"])
def test_more_events_than_one_text_may_hold_are_refused_whole(store: Store, form: str) -> None:
    separator, around = {"array": (b",", b"[%b]"), "lines": (b"\n", b"%b")}[form]
    event = b'{"type":"alerts","attributes":{}}'

    async def run() -> None:
        async with way(store) as there:
            most = around % separator.join([event] * 10_000)
            more = around % separator.join([event] * 10_001)
            reply = await there.post(more)
            assert (reply.status, reply.content) == (
                413,
                {
                    "error": "one text holds at most 10,000 events: hand in several",
                    "place": "event 10,001",
                },
            )
            assert await there.ids() == []
            assert (await there.post(most)).content == counts(10_000, 0)

    asyncio.run(run())


def test_what_is_no_text_keeps_no_alarm_out(store: Store) -> None:
    async def run() -> None:
        async with way(store) as there:
            user = {"type": "alerts", "id": "s1", "attributes": {"user": "root\0\ud800"}}
            for expected in (counts(2, 0), counts(0, 2)):
                reply = await there.post([EVENT, user])
                assert (reply.status, reply.content) == (200, expected | {"sanitized": 1})
            reply = await there.post([user | {"id": "s\0"}, EVENT])
            assert (reply.status, reply.content["place"]) == (400, "event 1 of 2, id")
            conflict = [user | {"meta": {}}, user | {"id": "s2"}]
            assert (await there.post(conflict)).content["sanitized"] == 1

    asyncio.run(run())


@pytest.mark.parametrize("header", ["Idempotency-Key", "webhook-id"])
def test_a_request_that_comes_again_makes_no_new_events(store: Store, header: str) -> None:
    async def run() -> None:
        async with way(store) as there:
            two = [WITHOUT_ID, WITHOUT_ID]
            key = {header: "msg_1"}
            assert (await there.post(two, **key)).content == counts(2, 0)
            assert (await there.post(two, **key)).content == counts(0, 2)
            assert (await there.post(two, **{header: "msg_2"})).content == counts(2, 0)
            assert (await there.post(two)).content == counts(2, 0)
            other = [WITHOUT_ID, WITHOUT_ID | {"attributes": {"text": "y"}}]
            assert (await there.post(other, **key)).status == 409

    asyncio.run(run())


def test_two_programs_may_use_the_same_key(store: Store) -> None:
    async def run() -> None:
        other = new_token(lambda count: bytes(count))
        async with way(store) as there:
            await store.run(tokens.add, "other", other, ACTOR, NOW_MS)
            await there.post(WITHOUT_ID, webhook_id="msg_1")
            reply = await there.post(WITHOUT_ID, other, webhook_id="msg_1")
            assert reply.content == counts(1, 0)

    asyncio.run(run())


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", "Basic abc", f"Token {TOKEN}"])
def test_who_has_no_token_is_told_so_and_noted(store: Store, header: str) -> None:
    async def run() -> None:
        async with way(store) as there:
            headers = {"Authorization": header} if header else {}
            reply = await there.post(EVENT, None, **headers)
            assert reply.status == 401
            assert reply.headers["www-authenticate"] == "Bearer"
            [sign_in] = there.sign_ins
            assert (sign_in.ok, sign_in.ip, sign_in.url) == (False, "127.0.0.1", "/events")
            assert sign_in.errors in (("no token",), ("unknown token",))
            assert "wrong" not in repr(sign_in)
            assert await there.ids() == []

    asyncio.run(run())


def test_a_token_signs_in_for_an_hour(store: Store) -> None:
    async def run() -> None:
        async with way(store) as there:
            for _ in range(3):
                await there.post(EVENT)
            assert there.sign_ins == [HttpSignIn("token", True, "127.0.0.1", "/events", "edge")]

    asyncio.run(run())


def test_a_sign_in_that_could_not_be_told_of_is_told_of_later(store: Store) -> None:
    async def run() -> None:
        async with way(store, failures=[StoreError("the store is busy")]) as there:
            assert [(await there.post(EVENT)).status for _ in range(3)] == [503, 200, 200]
            assert there.sign_ins == [HttpSignIn("token", True, "127.0.0.1", "/events", "edge")]

    asyncio.run(run())


def test_a_flood_of_wrong_tokens_is_refused_each_time_and_told_of_ten_times(store: Store) -> None:
    async def run() -> None:
        async with way(store) as there:
            statuses = [
                (await there.post(EVENT, "wrong")).status for _ in range(2 * counted.MOST_FAILURES)
            ]
            assert set(statuses) == {401}
            assert len(there.sign_ins) == 10

    asyncio.run(run())


def test_a_short_disk_sends_away_all_but_sign_ins(store: Store) -> None:
    async def run() -> None:
        async with way(store, least_free=1 << 60) as there:
            reply = await there.post(EVENT)
            assert reply.status == 503
            assert int(reply.headers["retry-after"]) == reply.content["retry_after"] > 0
            assert await there.ids() == []
            stored = await store.run(sources.find, "http")
            assert "min_free_disk" in (stored.error or "")
            sign_in = EVENT | {"type": "log_authn"}
            assert (await there.post(sign_in)).content == counts(1, 0)
            assert (await there.post([sign_in, EVENT])).status == 503

    asyncio.run(run())


def test_a_source_that_was_deleted_takes_nothing(store: Store) -> None:
    async def run() -> None:
        async with way(store) as there:
            await store.run(sources.delete, "http", ACTOR, NOW_MS)
            assert (await there.post(EVENT)).status == 503
            assert await there.ids() == []

    asyncio.run(run())
