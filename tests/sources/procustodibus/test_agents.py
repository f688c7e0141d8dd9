"""Pings through the server: what becomes of them, and what a host's health then says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from domain.alert_kinds import DEFAULT_TERMS
from domain.event_types import EventType
from sources.intake import Inlet
from sources.procustodibus.agents import note_silent_hosts
from sources.procustodibus.pings import SECRETS_WARNING
from sources.stale import StaleAlerts
from store import clients, sources
from store.database import Store
from store.errors import StoreError
from store.events import reading
from store.records import StoredSource
from tests.sources.procustodibus.custodians import NOW, Centre, Custodian, centre
from tests.sources.procustodibus.test_pings import DATA, ping, recorded
from tests.support.stores import ACTOR
from tests.support.wireguard.dumps import key

LEAST_MS = 600_000
CHANGES_OF_THE_RECORDING = [
    ("ip", "198.51.100.2", "198.51.100.77"),
]


def in_centre(
    store: Store, work: Callable[[Centre], Awaitable[None]], *, max_body: int = 20_000_000
) -> None:
    async def run() -> None:
        async with centre(store, max_body=max_body) as here:
            await work(here)

    asyncio.run(run())


def events(here: Centre, type_: EventType) -> list[dict[str, Any]]:
    return [json.loads(one.body) for one in here.call(reading.after, type_, 0, limit=1000)]


def source(here: Centre, name: str = "hub") -> StoredSource:
    return here.call(sources.find, name)


def seen_ms(here: Centre) -> int | None:
    return here.call(clients.find, "agent", "hub").seen_ms


async def play(here: Centre, agent: Custodian) -> None:
    """Everything that was recorded, at the times it was recorded at."""
    shift = NOW - recorded()[0]["received_ms"]
    for one in recorded():
        here.clock.now_ms = one["received_ms"] + shift
        reply = await agent.ping(one["body"])
        assert (reply.status, reply.content) == (200, {"data": [], "meta": {}})


def test_recorded_pings_give_stats_changes_and_alerts(store: Store) -> None:
    async def work(here: Centre) -> None:
        await play(here, await here.agent())
        stats = [one["attributes"] for one in events(here, EventType.ENDPOINT_STATS)]
        assert stats
        assert all(one["host"] == "hub" and one["interface"] == "wg0" for one in stats)
        changes = [one["attributes"] for one in events(here, EventType.LOG_CHANGES)]
        told = [(one["field"], one["old_value"], one["new_value"]) for one in changes]
        for change in CHANGES_OF_THE_RECORDING:
            assert change in told
        fields = {field for field, _, _ in told}
        assert fields >= {"ip", "added", "removed", "preshared_key", "allowed_ips", "up"}
        assert source(here).accepted_events == sum(len(events(here, type_)) for type_ in EventType)

    in_centre(store, work)


def test_deltas_add_up_to_totals_between_restarts(store: Store) -> None:
    async def work(here: Centre) -> None:
        agent = await here.agent()
        handshake = NOW // 1000
        rx = [100, 250, 900, 40, 70]  # the interface is made anew before the fourth
        for number, total in enumerate(rx):
            body = ping({"latest_handshake": handshake + number, "transfer_rx": total})
            assert (await agent.ping(body)).status == 200
        deltas = [one["attributes"]["rx_delta"] for one in events(here, EventType.ENDPOINT_STATS)]
        assert deltas == [150, 650, 40, 30]

    in_centre(store, work)


def test_the_same_ping_twice_gives_nothing_more(store: Store) -> None:
    async def work(here: Centre) -> None:
        agent = await here.agent()
        await agent.ping(ping({"transfer_rx": 1}))
        await agent.ping(ping({"latest_handshake": NOW // 1000}))
        before = source(here).accepted_events
        assert before
        await agent.ping(ping({"latest_handshake": NOW // 1000}))
        assert source(here).accepted_events == before

    in_centre(store, work)


def test_hosts_do_not_mix_though_their_interfaces_are_alike(store: Store) -> None:
    async def work(here: Centre) -> None:
        for name in ("hub", "spoke"):
            agent = await here.agent(name)
            await agent.ping(ping())
            await agent.ping(ping({"latest_handshake": NOW // 1000}))
        found = events(here, EventType.ENDPOINT_STATS)
        endpoints = {one["relationships"]["endpoint"]["data"][0]["id"] for one in found}
        assert len(endpoints) == len(found) == 2
        assert {one["attributes"]["host"] for one in found} == {"hub", "spoke"}

    in_centre(store, work)


def test_secrets_are_neither_stored_nor_passed_over_in_silence(store: Store) -> None:
    async def work(here: Centre) -> None:
        agent = await here.agent()
        body = json.loads((DATA / "agent-ping-with-secrets.json").read_text())
        assert (await agent.ping(body)).status == 200
        assert source(here).error == SECRETS_WARNING
        state = here.call(sources.load_state, "hub")
        assert state is not None
        interface = body["interfaces"]["wg0"]
        kept = [interface["private_key"], *_preshared(interface)]
        assert len(kept) == 2
        assert not any(secret.encode() in state for secret in kept)
        assert interface["public_key"].encode() in state
        await agent.ping(ping())
        assert source(here).error is None

    in_centre(store, work)


def _preshared(interface: dict[str, Any]) -> list[str]:
    peers = interface["peers"].values()
    return [peer["preshared_key"] for peer in peers if peer["preshared_key"]]


def test_a_ping_that_cannot_be_read_changes_nothing_and_is_told(store: Store) -> None:
    async def work(here: Centre) -> None:
        agent = await here.agent()
        await agent.ping(ping({"transfer_rx": 1}))
        state = here.call(sources.load_state, "hub")
        here.clock.now_ms += 1
        reply = await agent.ping(ping({"latest_handshake": 10**15}))
        assert (reply.status, reply.content["place"]) == (400, "interfaces.wg0")
        assert here.call(sources.load_state, "hub") == state
        assert seen_ms(here) == here.clock.now_ms
        assert "a handshake is over" in str(source(here).error)

    in_centre(store, work)


def test_an_endpoint_that_is_none_costs_only_itself(store: Store) -> None:
    async def work(here: Centre) -> None:
        agent = await here.agent()
        await agent.ping(ping())
        here.clock.now_ms += 60_000
        later = {"latest_handshake": here.clock.now_ms // 1000, "transfer_rx": 1_404}
        reply = await agent.ping(ping({**later, "endpoint": "vpn.example.com:51820"}))
        assert reply.status == 200
        [stats] = events(here, EventType.ENDPOINT_STATS)[-1:]
        assert stats["attributes"]["rx_delta"] == 1_000
        warning = str(source(here).error)
        assert f"not an address and a port, of {key('alice')[:8]} on wg0: the one seen" in warning
        here.clock.now_ms += 60_000
        await agent.ping(ping({**later, "endpoint": "198.51.100.77:1"}))
        assert source(here).error is None
        [change] = events(here, EventType.LOG_CHANGES)[-1:]
        old_and_new = (change["attributes"]["old_value"], change["attributes"]["new_value"])
        assert old_and_new == ("198.51.100.2", "198.51.100.77")

    in_centre(store, work)


def test_a_paused_host_is_answered_and_not_looked_at(store: Store) -> None:
    async def work(here: Centre) -> None:
        agent = await here.agent()
        here.call(sources.pause, "hub", ACTOR, NOW)
        assert (await agent.ping(ping())).content == {"data": [], "meta": {}}
        assert here.call(sources.load_state, "hub") is None
        here.call(sources.unpause, "hub", ACTOR, NOW)
        await agent.ping(ping())
        assert here.call(sources.load_state, "hub") is not None

    in_centre(store, work)


def test_a_host_whose_source_was_deleted_may_sign_in_no_more(store: Store) -> None:
    async def work(here: Centre) -> None:
        agent = await here.agent()
        here.call(sources.delete, "hub", ACTOR, NOW)
        assert (await agent.ping(ping())).status == 401

    in_centre(store, work)


def test_pings_of_one_host_at_once_are_not_counted_twice(store: Store) -> None:
    async def work(here: Centre) -> None:
        agent = await here.agent()
        await agent.ping(ping({"transfer_rx": 1}))
        bodies = [
            ping({"latest_handshake": NOW // 1000 + number, "transfer_rx": 100 * number})
            for number in range(1, 9)
        ]
        replies = await asyncio.gather(*(agent.ping(body) for body in bodies))
        assert {reply.status for reply in replies} == {200}
        found = [one["attributes"] for one in events(here, EventType.ENDPOINT_STATS)]
        assert len(found) == 8
        assert all(0 < one["rx_delta"] <= one["rx_total"] for one in found)

    in_centre(store, work)


def test_a_short_disk_asks_the_agent_to_come_again(store: Store) -> None:
    async def work(here: Centre) -> None:
        agent = await here.agent()
        here.inlet._min_free_disk_bytes = 10**18
        reply = await agent.ping(ping())
        assert (reply.status, reply.headers["retry-after"]) == (503, "60")
        assert "min_free_disk" in str(source(here).error)
        [health] = (await here.served.ask("GET", "/health")).content
        assert (health["healthy"], "min_free_disk" in health["error"]) == (False, True)

    in_centre(store, work)


def test_a_large_ping_is_taken_and_a_larger_one_refused(store: Store) -> None:
    async def work(here: Centre) -> None:
        agent = await here.agent()
        one = ping()["interfaces"]["wg0"]["peers"][key("alice")]
        many = {key(f"peer {number}"): one for number in range(2_000)}
        assert (await agent.ping(ping(peers=many))).status == 200
        padding = {"padding": "x" * 1_000_000}
        reply = await agent.ping(ping() | padding)
        assert reply.status == 413
        assert "1,000,000" in reply.content["error"] or "1000000" in reply.content["error"]

    in_centre(store, work, max_body=1_000_000)


@pytest.mark.parametrize(
    ("interval_ms", "patience_ms"), [(120_000, LEAST_MS), (600_000, 1_800_000)]
)
def test_a_host_that_reports_nothing_more_fails(
    store: Store, interval_ms: int, patience_ms: int
) -> None:
    async def work(here: Centre) -> None:
        agent = await here.agent()
        for _ in range(3):
            here.clock.now_ms += interval_ms
            await agent.ping(ping())
        heard_ms = here.clock.now_ms
        stale = StaleAlerts(DEFAULT_TERMS, NOW)
        await note_silent_hosts(here.inlet, stale, event_names=True)
        assert source(here).error is None
        here.clock.now_ms = heard_ms + patience_ms
        await note_silent_hosts(here.inlet, stale, event_names=True)
        assert source(here).error is None
        here.clock.now_ms += 1
        await note_silent_hosts(here.inlet, stale, event_names=True)
        await note_silent_hosts(here.inlet, stale, event_names=True)
        assert "its agent reports nothing since 20" in str(source(here).error)
        assert (source(here).state, source(here).failures) == ("failing", 1)
        told = [one["attributes"] for one in events(here, EventType.ALERTS)]
        (alert,) = [one for one in told if one["type"] == "source_stale"]
        assert alert["params"].items() >= {"host": "hub", "source": "hub"}.items()
        assert alert["params"]["host_pub"] == here.call(clients.find, "agent", "hub").host_id
        await agent.sign_in()
        await agent.ping(ping())
        assert source(here).error is None

    in_centre(store, work)


async def look_for_silence(here: Centre, stale: StaleAlerts) -> list[dict[str, Any]]:
    """One look at every host; the alerts that there are of it by then."""
    await note_silent_hosts(here.inlet, stale, event_names=True)
    told = [one["attributes"] for one in events(here, EventType.ALERTS)]
    return [one for one in told if one["type"] == "source_stale"]


def test_a_host_whose_agent_has_another_key_says_so_and_raises_an_alert(store: Store) -> None:
    async def work(here: Centre) -> None:
        agent = await here.agent()
        await agent.ping(ping())
        stale = StaleAlerts(DEFAULT_TERMS, NOW)
        own_key, agent.key = agent.key, Ed25519PrivateKey.generate()
        assert (await agent.sign_in()).status == 401
        assert "the signature of its agent is refused" in str(source(here).error)
        assert "`tocsin host renew hub`" in str(source(here).error)
        assert source(here).state == "failing"
        [alert] = await look_for_silence(here, stale)
        assert "signature of its agent is refused" in alert["params"]["error"]
        assert alert["params"]["host"] == "hub"
        assert await look_for_silence(here, stale) == [alert], "once"
        assert [(one.host, one.ok) for one in here.told][-1] == ("hub", False)
        agent.key = own_key
        assert (await agent.sign_in()).status == 200
        await agent.ping(ping())
        assert source(here).error is None

    in_centre(store, work)


def test_a_host_whose_pings_are_all_refused_is_one_that_we_do_not_see(store: Store) -> None:
    async def work(here: Centre) -> None:
        agent = await here.agent()
        await agent.ping(ping())
        stale = StaleAlerts(DEFAULT_TERMS, NOW)
        for _ in range(5):
            here.clock.now_ms += LEAST_MS // 5
            assert (await agent.ping(b"no json")).status == 400
            assert await look_for_silence(here, stale) == []
        here.clock.now_ms += 1
        [alert] = await look_for_silence(here, stale)
        assert "cannot be read" in alert["params"]["error"]
        assert "cannot be read" in str(source(here).error)
        assert seen_ms(here) == here.clock.now_ms - 1

    in_centre(store, work)


def test_nothing_is_missed_of_the_time_of_a_pause(store: Store) -> None:
    async def work(here: Centre) -> None:
        agent = await here.agent()
        await agent.ping(ping())
        here.call(sources.pause, "hub", ACTOR, here.clock.now_ms)
        here.clock.now_ms += 10 * LEAST_MS
        here.call(sources.unpause, "hub", ACTOR, here.clock.now_ms)
        stale = StaleAlerts(DEFAULT_TERMS, NOW)
        assert await look_for_silence(here, stale) == []
        here.clock.now_ms += LEAST_MS + 1
        assert len(await look_for_silence(here, stale)) == 1

    in_centre(store, work)


def test_an_alert_of_silence_that_the_store_refused_is_told_with_the_next_look(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuses(*_: object) -> None:
        raise StoreError("the disk is full")

    async def work(here: Centre) -> None:
        agent = await here.agent()
        await agent.ping(ping())
        stale = StaleAlerts(DEFAULT_TERMS, NOW)
        here.clock.now_ms += LEAST_MS + 1
        with monkeypatch.context() as patch:
            patch.setattr(here.inlet, "note_failure", refuses)
            with pytest.raises(StoreError):
                await look_for_silence(here, stale)
        assert len(await look_for_silence(here, stale)) == 1

    in_centre(store, work)


def test_nobody_is_silent_for_the_time_in_which_nobody_listened(store: Store) -> None:
    async def work(here: Centre) -> None:
        agent = await here.agent()
        await agent.ping(ping())
        here.add("agent", "waits-for-its-set-up")
        here.clock.now_ms += 10 * LEAST_MS
        stale = StaleAlerts(DEFAULT_TERMS, here.clock.now_ms - LEAST_MS)
        await note_silent_hosts(here.inlet, stale, event_names=True)
        assert {one.error for one in here.call(sources.load_all)} == {None}

    in_centre(store, work)


def test_an_outage_does_not_become_the_usual_interval() -> None:
    usual = None
    for gap in (120_000, 121_000, 119_000):
        usual = clients.usual_interval(usual, gap)
    assert usual is not None
    assert 119_000 <= usual <= 121_000
    assert clients.usual_interval(usual, 86_400_000) < 200_000
    for _ in range(20):
        usual = clients.usual_interval(usual, 3_600_000)
    assert usual > 3_000_000, "an interval that was set anew is learned"


def test_the_inlet_counts_what_agents_brought(store: Store) -> None:
    async def work(here: Centre) -> None:
        agent = await here.agent()
        await agent.ping(ping({"transfer_rx": 1}))
        await agent.ping(ping({"latest_handshake": NOW // 1000}))
        inlet: Inlet = here.inlet
        assert inlet.total.accepted == source(here).accepted_events > 0

    in_centre(store, work)
