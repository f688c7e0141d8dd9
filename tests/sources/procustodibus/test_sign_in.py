"""Sign-in, step by step; and every forgery that must be refused and told of."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from domain.clients import AGENT, BROKER, SETUP_MS
from sources.http.sign_in_watch import MOST_ADDRESSES, MOST_FAILURES, WINDOW_S, FailedAddresses
from sources.procustodibus.sign_in import (
    AT_ONCE,
    CHALLENGE_S,
    SESSION_S,
    SESSIONS_OF_ONE,
    Challenges,
    encode,
    read_header,
)
from store import audit, clients
from store.database import Store
from tests.sources.procustodibus.custodians import NOW, Centre, Custodian, centre
from tests.support.stores import ACTOR

PING: dict[str, object] = {"interfaces": {}}


def in_centre(store: Store, work: Callable[[Centre], Awaitable[None]]) -> None:
    async def run() -> None:
        async with centre(store) as here:
            await work(here)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("header", "values"),
    [
        ("X-Custos user=^abc, session=^d_e-f", {"user": b"abc", "session": b"d_e-f"}),
        ("X-Custos user=^abc broker_setup=^code", {"user": b"abc", "broker_setup": b"code"}),
        ("x-custos user=YWJj,signature=AAECAw", {"user": b"abc", "signature": b"\0\1\2\3"}),
        ("X-Custos user=%%%, session=^", {"user": b"", "session": b""}),
        ("Bearer user=^abc", {}),
        ("", {}),
    ],
)
def test_the_header_is_read_leniently(header: str, values: dict[str, bytes]) -> None:
    assert read_header(header) == values


@pytest.mark.parametrize("filling", ["a", "a=", "=", "^", ",", " ", "a=^", "é"])
def test_a_long_header_costs_next_to_nothing(filling: str) -> None:
    """Requests before any sign-in must not keep the server busy."""
    before = time.process_time()
    read_header("X-Custos " + filling * 30_000)
    assert time.process_time() - before < 0.2


def test_an_agent_sets_itself_up_and_signs_in(store: Store) -> None:
    async def work(here: Centre) -> None:
        agent = here.add(AGENT, "hub")
        assert (await agent.set_up()).content["data"][0]["type"] == "credentials"
        session = (await agent.sign_in()).content["data"][0]
        assert session["meta"] == {"expiration_timeout": SESSION_S}
        reply = await agent.ask("GET", f"/hosts/{agent.host}")
        assert reply.content["data"][0]["attributes"] == {"name": "hub"}
        [told] = here.told
        assert (told.ok, told.kind, told.url) == (True, "X-Custos", "/sessions")
        assert (told.user, told.ip) == (agent.user, "127.0.0.1")
        assert here.call(audit.changes)[0].action == "host.setup"
        assert here.call(audit.changes)[0].user == "agent hub"

    in_centre(store, work)


def test_a_broker_leaves_the_comma_out(store: Store) -> None:
    async def work(here: Centre) -> None:
        broker = here.add(BROKER, "siem")
        assert (await broker.set_up(comma="")).status == 200
        assert (await broker.sign_in()).status == 200
        assert (await broker.hello()).content["data"][0]["attributes"] == {"name": "siem"}

    in_centre(store, work)


def test_health_needs_no_sign_in(store: Store) -> None:
    async def work(here: Centre) -> None:
        reply = await here.served.ask("GET", "/health")
        assert reply.content == [{"name": "store", "healthy": True, "error": None}]

    in_centre(store, work)


async def _wrong_code(here: Centre, agent: Custodian) -> int:
    return (await agent.set_up("another-code")).status


async def _code_twice(here: Centre, agent: Custodian) -> int:
    assert (await agent.set_up()).status == 200
    return (await agent.set_up()).status


async def _code_too_late(here: Centre, agent: Custodian) -> int:
    here.clock.now_ms = NOW + SETUP_MS
    return (await agent.set_up()).status


async def _code_of_another_kind(here: Centre, agent: Custodian) -> int:
    agent.kind = BROKER
    return (await agent.set_up()).status


async def _code_of_an_unknown_user(here: Centre, agent: Custodian) -> int:
    agent.user = "nobody"
    return (await agent.set_up()).status


async def _empty_code_after_the_set_up(here: Centre, agent: Custodian) -> int:
    assert (await agent.set_up()).status == 200
    return (await agent.set_up("")).status


@pytest.mark.parametrize(
    "forgery",
    [
        _wrong_code,
        _code_twice,
        _code_too_late,
        _code_of_another_kind,
        _code_of_an_unknown_user,
        _empty_code_after_the_set_up,
    ],
)
def test_a_set_up_code_is_good_once_for_one_client_and_not_for_long(
    store: Store, forgery: Callable[[Centre, Custodian], Awaitable[int]]
) -> None:
    async def work(here: Centre) -> None:
        agent = here.add(AGENT, "hub")
        assert await forgery(here, agent) == 401
        assert here.told[-1].errors == ("bad set-up code",)
        assert not here.told[-1].ok

    in_centre(store, work)


async def _without_a_key(here: Centre, agent: Custodian) -> int:
    here.call(clients.renew, AGENT, "hub", "new", ACTOR, NOW)
    return (await agent.sign_in()).status


async def _with_another_key(here: Centre, agent: Custodian) -> int:
    return (await Custodian(here.served, agent.user, agent.host).sign_in()).status


async def _with_a_challenge_twice(here: Centre, agent: Custodian) -> int:
    challenge = await agent.challenge()
    assert (await agent.answer(challenge)).status == 200
    return (await agent.answer(challenge)).status


async def _with_an_old_challenge(here: Centre, agent: Custodian) -> int:
    challenge = await agent.challenge()
    here.clock.now_ms += CHALLENGE_S * 1000
    return (await agent.answer(challenge)).status


async def _with_a_made_up_challenge(here: Centre, agent: Custodian) -> int:
    return (await agent.answer((encode(b"\x7f" * 24), "value"))).status


async def _as_nobody(here: Centre, agent: Custodian) -> int:
    agent.user = "nobody"
    return (await agent.sign_in()).status


async def _for_another_host(here: Centre, agent: Custodian) -> int:
    other = await here.agent("other")
    return (await agent.ping(PING, other.host)).status


async def _as_another_user(here: Centre, agent: Custodian) -> int:
    other = await here.agent("other")
    agent.user = other.user
    return (await agent.ping(PING, other.host)).status


async def _by_a_broker(here: Centre, agent: Custodian) -> int:
    broker = await here.broker()
    return (await broker.ping(PING, agent.host)).status


async def _of_a_queue(here: Centre, agent: Custodian) -> int:
    return (await agent.hello()).status


async def _when_deleted(here: Centre, agent: Custodian) -> int:
    here.call(clients.delete, AGENT, "hub", ACTOR, NOW)
    return (await agent.ping(PING)).status


async def _when_the_code_was_renewed(here: Centre, agent: Custodian) -> int:
    here.call(clients.renew, AGENT, "hub", "new", ACTOR, NOW)
    return (await agent.ping(PING)).status


async def _without_a_session_twice(here: Centre, agent: Custodian) -> int:
    agent.session = "made-up"
    await agent.ping(PING)
    return (await agent.ping(PING)).status


async def _after_the_session_twice(here: Centre, agent: Custodian) -> int:
    here.clock.now_ms += SESSION_S * 1000
    await agent.ping(PING)
    return (await agent.ping(PING)).status


@pytest.mark.parametrize(
    ("forgery", "status", "error"),
    [
        (_without_a_key, 401, "bad signature"),
        (_with_another_key, 401, "bad signature"),
        (_with_a_challenge_twice, 401, "bad challenge"),
        (_with_an_old_challenge, 401, "bad challenge"),
        (_with_a_made_up_challenge, 401, "bad signature"),
        (_as_nobody, 401, "bad user"),
        (_for_another_host, 403, "bad host"),
        (_as_another_user, 401, "bad session"),
        (_by_a_broker, 403, "bad agent"),
        (_of_a_queue, 403, "bad broker"),
        (_when_deleted, 401, "bad user"),
        (_when_the_code_was_renewed, 401, "bad session"),
        (_without_a_session_twice, 401, "bad session"),
        (_after_the_session_twice, 401, "bad session"),
    ],
)
def test_forged_sign_ins_are_refused_and_told_of(
    store: Store,
    forgery: Callable[[Centre, Custodian], Awaitable[int]],
    status: int,
    error: str,
) -> None:
    async def work(here: Centre) -> None:
        agent = await here.agent()
        assert await forgery(here, agent) == status
        assert here.told[-1].errors == (error,)

    in_centre(store, work)


def test_a_challenge_is_good_once_also_for_two_at_the_same_moment(store: Store) -> None:
    async def work(here: Centre) -> None:
        agent = await here.agent()
        challenge = await agent.challenge()
        replies = await asyncio.gather(*(agent.answer(challenge) for _ in range(4)))
        assert sorted(reply.status for reply in replies) == [200, 401, 401, 401]

    in_centre(store, work)


def test_a_session_that_ended_is_the_way_of_things_and_not_told(store: Store) -> None:
    async def work(here: Centre) -> None:
        agent = await here.agent()
        for _ in range(2):
            here.clock.now_ms += SESSION_S * 1000
            assert (await agent.ping(PING)).status == 401
            assert (await agent.sign_in()).status == 200
            assert (await agent.ping(PING)).status == 200
        assert all(one.ok for one in here.told)

    in_centre(store, work)


def test_codes_have_to_wait_after_many_failures_also_the_right_one(store: Store) -> None:
    async def work(here: Centre) -> None:
        agent = here.add(AGENT, "hub")
        for _ in range(MOST_FAILURES):
            assert (await agent.set_up("guess")).status == 401
        refused = await agent.set_up()
        assert refused.status == 429
        assert int(refused.headers["retry-after"]) == WINDOW_S
        assert len(here.told) == MOST_FAILURES
        here.clock.now_ms += int(WINDOW_S * 1000)
        assert (await agent.set_up()).status == 200

    in_centre(store, work)


def test_strangers_at_the_same_address_lock_nobody_out(store: Store) -> None:
    async def work(here: Centre) -> None:
        agent, stranger = await here.agent(), Custodian(here.served, "nobody")
        for _ in range(MOST_FAILURES):
            assert (await stranger.sign_in()).status == 401
        told = len(here.told)
        assert (await stranger.sign_in()).status == 429
        assert (await stranger.ping(PING, agent.host)).status == 429
        assert len(here.told) == told
        assert (await agent.ping(PING)).status == 200
        agent.session = "ended"
        assert (await agent.ping(PING)).status == 401  # so it signs in anew
        assert (await agent.sign_in()).status == 200
        assert (await agent.ping(PING)).status == 200

    in_centre(store, work)


def test_many_failures_at_once_are_no_way_around_that(store: Store) -> None:
    async def work(here: Centre) -> None:
        agent = here.add(AGENT, "hub")
        replies = await asyncio.gather(*(agent.set_up("guess") for _ in range(3 * MOST_FAILURES)))
        refused = [reply.status for reply in replies].count(401)
        assert MOST_FAILURES <= refused <= MOST_FAILURES + AT_ONCE
        assert len(here.told) == refused

    in_centre(store, work)


def test_the_oldest_of_many_sessions_of_one_client_ends(store: Store) -> None:
    async def work(here: Centre) -> None:
        agent = await here.agent()
        first = agent.session
        for _ in range(SESSIONS_OF_ONE - 1):
            await agent.sign_in()
        last, agent.session = agent.session, first
        assert (await agent.ping(PING)).status == 200
        await agent.sign_in()
        agent.session = first
        assert (await agent.ping(PING)).status == 401
        agent.session = last
        assert (await agent.ping(PING)).status == 200

    in_centre(store, work)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b"", "body"),
        (b"{}", "body"),
        (b'{"secret":1}', "body"),
        (b'{"x":' + b"[" * 4_000, "body"),
        (b'{"secret":"AAAA"}', "secret"),
        (b'{"secret":"no base64"}', "secret"),
    ],
)
def test_what_is_no_key_is_refused_with_its_place(store: Store, body: bytes, place: str) -> None:
    async def work(here: Centre) -> None:
        reply = await here.served.ask("POST", "/users/user1/credentials/signature", body)
        assert (reply.status, reply.content["place"]) == (400, place)

    in_centre(store, work)


def test_challenges_that_nobody_answers_are_not_kept() -> None:
    now = [0.0]
    challenges = Challenges(lambda: now[0], lambda size: bytes(size))
    id_, value = challenges.new()
    assert challenges.value_of(id_) == value
    assert challenges.new()[1] == value, "it follows from the id and a key, and from nothing else"
    assert Challenges(lambda: now[0], lambda size: b"1" * size).value_of(id_) != value
    challenges.use(id_)
    assert challenges.value_of(id_) is None
    now[0] = float(CHALLENGE_S)
    later, _ = challenges.new()
    challenges.use(later)
    assert challenges.value_of(id_) is None, "it ended, though its use is forgotten"


@pytest.mark.parametrize("text", ["", "short", "a" * 31, "a" * 33, "!" * 32, "ä" * 32])
def test_what_is_no_challenge_has_no_value(text: str) -> None:
    assert Challenges(lambda: 0.0, lambda size: bytes(size)).value_of(text) is None


def test_failures_of_one_network_are_counted_together_and_of_others_apart() -> None:
    failures = FailedAddresses(lambda: 0.0)
    for number in range(MOST_FAILURES):
        failures.add(f"2001:db8::{number:x}")
    assert failures.wait_s("2001:db8::ffff:1") == WINDOW_S
    assert failures.wait_s("2001:db8:0:1::1") == 0
    for _ in range(MOST_FAILURES):
        failures.add("::ffff:192.0.2.1")
    assert failures.wait_s("192.0.2.1") == WINDOW_S
    assert failures.wait_s("192.0.2.2") == 0


def test_addresses_that_failed_are_remembered_up_to_a_bound() -> None:
    failures = FailedAddresses(lambda: 0.0)
    for _ in range(MOST_FAILURES):
        failures.add("192.0.2.1")
    for number in range(MOST_ADDRESSES):
        failures.add(f"2001:db8:{number:x}::1")
    assert failures.wait_s("192.0.2.1") == 0
