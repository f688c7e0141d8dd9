"""Sign-ins to this Tocsin itself are events, and no two that come at once lose each other."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import pytest

from domain.actors import Actor
from domain.alert_kinds import KINDS
from domain.event_types import EventType
from domain.ids import resource_id
from domain.source_kinds import OWN_SIGN_INS, SIGN_INS
from sources.http.sign_in_watch import HttpSignIn
from sources.intake import Inlet
from sources.logins.alerts import AlertRules
from sources.logins.events import SignIn
from sources.logins.own_sign_ins import reporter, screen_opened, sign_in_step, signed_in_over_http
from store import sources
from store.database import Store
from store.errors import Conflict
from store.events import reading
from store.records import AppendResult

NOW_MS = 1_795_502_130_000
ADMIN = Actor("admin")
TERMS = {kind.name: kind.terms({}) for kind in KINDS}
RULES = AlertRules(TERMS)


@pytest.fixture
def dice() -> Iterator[int]:
    return count(1)


def opened(dice: Iterator[int], actor: Actor = ADMIN) -> SignIn:
    return screen_opened(
        actor, machine="machine", host="gateway", now_ms=NOW_MS, random64=lambda: next(dice)
    )


def keep(store: Store, sign_in: SignIn) -> AppendResult:
    return store.call(sources.advance, OWN_SIGN_INS, sign_in_step(sign_in, RULES), NOW_MS)


def bodies(store: Store, type_: EventType = EventType.LOG_AUTHN) -> list[dict[str, Any]]:
    found = store.call(reading.newest, type_, limit=1000)
    return [json.loads(one.body) for one in reversed(found)]


def test_opening_the_screen_is_an_event(store: Store, dice: Iterator[int]) -> None:
    keep(store, opened(dice, Actor("tocsin", "alice", "192.0.2.7")))
    keep(store, opened(dice))
    by_ssh, here = bodies(store)
    user = resource_id("users", "machine", "alice")
    assert by_ssh["attributes"] == {
        "created": "2026-11-24T06:35:30Z",
        "errors": [],
        "host": "gateway",
        "ip": "192.0.2.7",
        "status": "ok",
        "type": "terminal",
        "url": "terminal://gateway",
        "user": "alice",
        "verifications": ["user"],
    }
    assert by_ssh["relationships"] == {"user": {"data": [{"id": user, "type": "users"}]}}
    assert (here["attributes"]["ip"], here["attributes"]["user"]) == (None, "admin")


def test_an_address_that_is_claimed_is_made_fit(store: Store, dice: Iterator[int]) -> None:
    keep(store, opened(dice, Actor("a\x1b[2J", None, "\x1b]52;x" + "1" * 500)))
    [body] = bodies(store)
    assert body["attributes"]["user"] == "a\\x1b[2J"
    assert body["attributes"]["ip"].startswith("\\x1b]52;x")
    assert len(body["attributes"]["ip"]) == 64


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (
            HttpSignIn("token", True, "192.0.2.7", "/events", "siem"),
            ("ok", [], ["token"], resource_id("users", "tokens", "siem")),
        ),
        (
            HttpSignIn("token", False, "192.0.2.7", "/events", "", ("unknown token",)),
            ("error", ["unknown token"], [], None),
        ),
        (
            HttpSignIn("X-Custos", True, "192.0.2.7", "/sessions", "Ahg1opVcGX", host="office"),
            ("ok", [], ["signature", "user"], "Ahg1opVcGX"),
        ),
        (
            HttpSignIn("X-Custos", False, "", "/sessions", "forged", ("bad signature",)),
            ("error", ["bad signature"], [], None),
        ),
    ],
)
def test_signing_in_over_http_is_an_event(
    store: Store, dice: Iterator[int], told: HttpSignIn, expected: tuple[Any, ...]
) -> None:
    keep(
        store,
        signed_in_over_http(told, host="gateway", now_ms=NOW_MS, random64=lambda: next(dice)),
    )
    [body] = bodies(store)
    attributes = body["attributes"]
    users = body["relationships"]["user"]["data"]
    related = users[0]["id"] if users else None
    found = (attributes["status"], attributes["errors"], attributes["verifications"], related)
    assert found == expected
    assert attributes["type"] == told.kind
    assert attributes["ip"] == (told.ip or None)
    assert attributes["host"] == (told.host or "gateway")


def test_failures_over_http_raise_an_alert_across_restarts(
    store: Store, dice: Iterator[int]
) -> None:
    told = HttpSignIn("X-Custos", False, "203.0.113.9", "/sessions", "x", ("bad signature",))
    for _ in range(5):
        keep(
            store,
            signed_in_over_http(told, host="gateway", now_ms=NOW_MS, random64=lambda: next(dice)),
        )
    [alert] = bodies(store, EventType.ALERTS)
    assert alert["attributes"]["type"] == "authn_failures"
    assert alert["attributes"]["params"]["ip"] == "203.0.113.9"


def test_what_comes_at_once_is_all_kept_and_all_counted(store: Store, dice: Iterator[int]) -> None:
    told = HttpSignIn("token", False, "203.0.113.9", "/events", "", ("unknown token",))
    other = store.sibling()

    def fail(at: int) -> None:
        sign_in = signed_in_over_http(told, host="", now_ms=NOW_MS, random64=lambda: at)
        keep((store, other)[at % 2], sign_in)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(fail, range(40)))
    other.close()
    assert len(bodies(store)) == 40
    assert len(bodies(store, EventType.ALERTS)) == 1
    assert store.call(sources.find, OWN_SIGN_INS).accepted_events == 41


def test_while_it_is_paused_nothing_is_kept(store: Store, dice: Iterator[int]) -> None:
    store.call(sources.pause, OWN_SIGN_INS, ADMIN, NOW_MS)
    assert keep(store, opened(dice)) == AppendResult(0, 0)
    store.call(sources.unpause, OWN_SIGN_INS, ADMIN, NOW_MS)
    assert keep(store, opened(dice)) == AppendResult(1, 0)


def test_what_is_remembered_is_no_condition(store: Store, dice: Iterator[int]) -> None:
    store.call(sources.save_batch, OWN_SIGN_INS, (), b"\xff damaged", NOW_MS)
    assert keep(store, opened(dice)).accepted == 1


def test_every_store_has_the_one_source(store: Store) -> None:
    assert store.call(sources.find, OWN_SIGN_INS).kind == SIGN_INS
    with pytest.raises(Conflict, match="pause it instead"):
        store.call(sources.delete, OWN_SIGN_INS, ADMIN, NOW_MS)
    with pytest.raises(Conflict, match="has its source of kind sign_ins already"):
        store.call(sources.add, SIGN_INS, "another", {}, ADMIN, NOW_MS)


def test_sign_ins_never_wait_for_disk(store: Store, dice: Iterator[int]) -> None:
    async def report() -> None:
        inlet = Inlet(
            "http", store, lambda: NOW_MS, on_appended=heard.set, min_free_disk_bytes=1 << 62
        )
        report = reporter(inlet, RULES, host="gateway", random64=lambda: next(dice))
        await report(HttpSignIn("token", True, "192.0.2.7", "/events", "siem"))

    heard = asyncio.Event()
    asyncio.run(report())
    assert heard.is_set()
    assert [body["attributes"]["user"] for body in bodies(store)] == ["siem"]
