from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.event_types import EventType
from domain.events import read_event
from domain.ids import event_id_from_facts, resource_id
from sources.wireguard import derive as deriving
from sources.wireguard.derive import Derived
from sources.wireguard.remembering import REMEMBER_GONE_MS
from sources.wireguard.snapshot import Baseline, Snapshot, State
from sources.wireguard.terms import DeriveTerms, Names
from tests.sources.dumps import PeerRow, dump, idle, interface_row, key, snapshot

ALICE = PeerRow("alice")
LATER = replace(ALICE, handshake=1_795_502_107, rx=1404, tx=1348)


TERMS = DeriveTerms(user="somebody", names=Names("hub"), event_names=False)


def derive(previous: State | None, read: Snapshot) -> Derived:
    """The handshakes between two looks; other events are left out."""
    derived = deriving.derive(previous, read, TERMS)
    stats = tuple(one for one in derived.events if one.type is EventType.ENDPOINT_STATS)
    return Derived(stats, derived.state)


def attributes(previous: State | None, read: Snapshot) -> list[dict[str, Any]]:
    """The attributes of the events that are derived."""
    return [json.loads(event.body)["attributes"] for event in derive(previous, read).events]


def remember(*snapshots: Snapshot) -> State:
    """The state after these snapshots."""
    state = None
    for read in snapshots:
        state = derive(state, read).state
    assert state is not None
    return state


def test_the_first_sight_is_a_baseline_and_no_event() -> None:
    derived = derive(None, snapshot(dump(ALICE)))
    assert derived.events == ()
    assert attributes(derived.state, snapshot(dump(LATER)))[0]["rx_delta"] == 1000


def test_a_peer_that_comes_while_we_look_counts_from_nothing() -> None:
    before = remember(snapshot(dump(ALICE)))
    (event,) = attributes(before, snapshot(dump(ALICE, PeerRow("bob", rx=10_000))))
    assert (event["rx_delta"], event["tx_delta"]) == (10_000, 348)
    assert derive(before, snapshot(dump(ALICE, idle("bob")))).events == ()


def test_the_first_look_at_one_more_interface_is_a_baseline_too() -> None:
    before = remember(snapshot(dump(ALICE)))
    more = dump(ALICE) + interface_row("wg1") + replace(ALICE, interface="wg1").text
    assert derive(before, snapshot(more)).events == ()


def test_an_event_has_exactly_this_form() -> None:
    before = remember(snapshot(dump(ALICE)))
    (event,) = derive(before, snapshot(dump(LATER))).events
    endpoint = resource_id("endpoints", "hub", "wg0", key("alice"))
    facts = f"{endpoint}\0{1_795_502_107}\0{1404}\0{1348}".encode()
    assert event.type is EventType.ENDPOINT_STATS
    assert event.id == event_id_from_facts("endpoint_stats", facts)
    assert json.loads(event.body) == {
        "attributes": {
            "created": "2026-11-24T06:35:30Z",
            "handshake": "2026-11-24T06:35:07Z",
            "ip": "198.51.100.2",
            "port": 35001,
            "rx_delta": 1000,
            "rx_total": 1404,
            "tx_delta": 1000,
            "tx_total": 1348,
        },
        "id": event.id,
        "relationships": {"endpoint": {"data": [{"id": endpoint, "type": "endpoints"}]}},
        "type": "endpoint_stats",
    }


def test_the_body_is_one_that_the_queue_would_keep_as_it_is() -> None:
    before = remember(snapshot(dump(ALICE)))
    (event,) = derive(before, snapshot(dump(LATER))).events
    read = read_event(event.body, now_ms=0, random64=lambda: 0)
    assert (read.type, read.id, read.body) == (event.type, event.id, event.body)


def test_a_second_look_at_the_same_facts_gives_the_same_id() -> None:
    before = remember(snapshot(dump(ALICE)))
    looks = [
        derive(before, snapshot(dump(LATER), read_at_ms=at)).events[0]
        for at in (1_795_502_130_000, 1_795_502_160_000)
    ]
    assert looks[0].id == looks[1].id
    assert not any(look.created_given for look in looks)


def test_the_same_snapshot_again_gives_nothing() -> None:
    before = remember(snapshot(dump(ALICE)), snapshot(dump(LATER)))
    assert derive(before, snapshot(dump(LATER))).events == ()


def test_traffic_without_a_handshake_gives_nothing_and_counts_in_the_next_event() -> None:
    before = remember(snapshot(dump(ALICE)), snapshot(dump(replace(ALICE, rx=904))))
    assert attributes(before, snapshot(dump(LATER)))[0]["rx_delta"] == 1000


def test_a_first_handshake_of_a_known_peer_is_an_event() -> None:
    before = remember(snapshot(dump(idle("alice"))))
    (event,) = attributes(before, snapshot(dump(ALICE)))
    assert (event["rx_delta"], event["tx_delta"]) == (404, 348)


def test_a_handshake_need_only_differ_since_clocks_are_set_back() -> None:
    before = remember(snapshot(dump(LATER)))
    back = replace(LATER, handshake=1_795_000_000, rx=1500)
    assert attributes(before, snapshot(dump(back)))[0]["handshake"] == "2026-11-18T11:06:40Z"


def test_counters_below_the_last_seen_count_from_nothing() -> None:
    grown = replace(ALICE, rx=5000, tx=5000)
    before = remember(snapshot(dump(ALICE)), snapshot(dump(grown), ifindex=None))
    # More than the last event told of, and less than what was seen since.
    (event,) = attributes(before, snapshot(dump(LATER), ifindex=None))
    assert (event["rx_delta"], event["tx_delta"]) == (1404, 1348)


def test_one_counter_below_is_enough() -> None:
    before = remember(snapshot(dump(replace(ALICE, rx=0, tx=5000))))
    (event,) = attributes(before, snapshot(dump(LATER)))
    assert (event["rx_delta"], event["tx_delta"]) == (1404, 1348)


def test_a_restart_that_regains_its_totals_is_told_by_the_number_of_the_interface() -> None:
    before = remember(snapshot(dump(ALICE), ifindex=5))
    (event,) = attributes(before, snapshot(dump(LATER), ifindex=6))
    assert (event["rx_delta"], event["tx_delta"]) == (1404, 1348)


def test_an_unknown_number_tells_nothing() -> None:
    before = remember(snapshot(dump(ALICE), ifindex=5))
    (event,) = attributes(before, snapshot(dump(LATER), ifindex=None))
    assert event["rx_delta"] == 1000


def test_a_reset_seen_without_a_handshake_is_remembered() -> None:
    before = remember(snapshot(dump(ALICE)), snapshot(dump(idle("alice")), ifindex=6))
    assert attributes(before, snapshot(dump(LATER), ifindex=6))[0]["rx_delta"] == 1404


def test_an_interface_that_is_away_keeps_its_snapshot_and_baselines() -> None:
    known = remember(snapshot(dump(ALICE)))
    away = remember(snapshot(dump(ALICE)), snapshot(""), snapshot(interface_row("wg1")))
    assert away.snapshot.interfaces["wg0"] == known.snapshot.interfaces["wg0"]
    assert away.baselines["wg0"] == known.baselines["wg0"]
    assert attributes(away, snapshot(dump(LATER)))[0]["rx_delta"] == 1000


def test_a_removed_peer_that_comes_back_counts_from_nothing() -> None:
    before = remember(snapshot(dump(ALICE)), snapshot(dump()))
    (event,) = attributes(before, snapshot(dump(LATER)))
    assert (event["rx_delta"], event["tx_delta"]) == (1404, 1348)


def test_a_removed_peer_is_forgotten_in_the_end() -> None:
    removed_ms = 1_795_502_130_000
    removed = snapshot(dump(), read_at_ms=removed_ms)
    still_away = snapshot(dump(), read_at_ms=removed_ms + REMEMBER_GONE_MS - 1)
    forgotten = snapshot(dump(), read_at_ms=removed_ms + REMEMBER_GONE_MS)
    remembered = remember(snapshot(dump(ALICE)), removed, still_away)
    assert remembered.removed == {"wg0": {key("alice"): removed_ms}}
    assert remembered.baselines == {"wg0": {}}
    assert derive(remembered, snapshot(dump(ALICE))).state.removed == {}
    assert derive(remembered, snapshot("")).state.removed == remembered.removed
    assert derive(remembered, forgotten).state.removed == {}


def test_a_removed_peer_of_a_state_that_kept_its_totals_is_remembered_from_now_on() -> None:
    known = remember(snapshot(dump(ALICE)), snapshot(dump()))
    old = msgspec.structs.replace(
        known, baselines={"wg0": {key("alice"): Baseline(404, 348)}}, removed={}
    )
    later = snapshot(dump(), read_at_ms=1_795_502_160_000)
    state = derive(old, later).state
    assert (state.removed, state.baselines) == (
        {"wg0": {key("alice"): later.read_at_ms}},
        {"wg0": {}},
    )


def test_the_same_peer_at_two_interfaces_is_two_endpoints() -> None:
    at_wg1 = replace(LATER, interface="wg1")
    text = dump(ALICE) + interface_row("wg1") + replace(at_wg1, handshake=0).text
    before = remember(snapshot(text))
    events = derive(before, snapshot(dump(LATER) + interface_row("wg1") + at_wg1.text)).events
    assert len({event.id for event in events}) == 2


def test_a_peer_without_an_endpoint_has_null_for_it() -> None:
    before = remember(snapshot(dump(ALICE)))
    (event,) = attributes(before, snapshot(dump(replace(LATER, endpoint="(none)"))))
    assert (event["ip"], event["port"]) == (None, None)


@given(st.randoms(use_true_random=False), st.integers(1, 8))
def test_the_order_of_the_peers_changes_no_event(dice: random.Random, count: int) -> None:
    names = [f"peer {number}" for number in range(count)]
    before = remember(snapshot(dump(*(PeerRow(name) for name in names))))
    rows = [replace(LATER, name=name) for name in names]
    in_order = derive(before, snapshot(dump(*rows)))
    dice.shuffle(rows)
    shuffled = derive(before, snapshot(dump(*rows)))
    assert {event.body for event in shuffled.events} == {event.body for event in in_order.events}
    assert shuffled.state == in_order.state


@dataclass
class Endpoint:
    """A peer as it really is. `life` counts the restarts of its counters."""

    name: str
    life: int = 0
    handshake: int = 0
    rx: int = 0
    tx: int = 0

    def restart(self) -> None:
        self.life += 1
        self.handshake = self.rx = self.tx = 0

    @property
    def row(self) -> PeerRow:
        return PeerRow(self.name, handshake=self.handshake, rx=self.rx, tx=self.tx)


@dataclass
class World:
    """An interface, what a source made of it, and what the events should add up to.

    In each life, what was told is the totals at its last event; the traffic before the first
    look was never ours to tell.
    """

    endpoints: list[Endpoint]
    knows_index: bool
    state: State | None = None
    clock: int = 1_795_502_000

    def __post_init__(self) -> None:
        self.ifindex = 5
        self.seen: dict[str, int] = {}
        self.told: dict[tuple[str, int], tuple[int, int]] = {}
        self.first: dict[str, Endpoint] = {}
        self.rx: Counter[str] = Counter()
        self.tx: Counter[str] = Counter()

    def poll(self) -> None:
        text = dump(*(endpoint.row for endpoint in self.endpoints))
        read = snapshot(text, ifindex=self.ifindex if self.knows_index else None)
        derived = derive(self.state, read)
        expected = {self.id_of(e): e for e in self.endpoints if self.has_news(e)}
        bodies = [json.loads(event.body) for event in derived.events]
        assert Counter(map(endpoint_of, bodies)) == Counter(list(expected))
        for body in bodies:
            self.count(expected[endpoint_of(body)], body["attributes"])
        for endpoint in self.endpoints:
            first = replace(endpoint) if self.state is None else Endpoint(endpoint.name)
            self.first.setdefault(endpoint.name, first)
            self.seen[endpoint.name] = endpoint.handshake
        self.state = derived.state

    def has_news(self, endpoint: Endpoint) -> bool:
        before = self.seen.get(endpoint.name, 0)
        return self.state is not None and endpoint.handshake not in (0, before)

    def count(self, endpoint: Endpoint, told: dict[str, Any]) -> None:
        assert (told["rx_total"], told["tx_total"]) == (endpoint.rx, endpoint.tx)
        assert told["rx_delta"] >= 0
        assert told["tx_delta"] >= 0
        self.told[endpoint.name, endpoint.life] = (endpoint.rx, endpoint.tx)
        self.rx[endpoint.name] += told["rx_delta"]
        self.tx[endpoint.name] += told["tx_delta"]

    def restart(self) -> None:
        self.ifindex += 1
        for endpoint in self.endpoints:
            endpoint.restart()
        if not self.knows_index:
            self.poll()

    def join(self) -> None:
        self.endpoints.append(Endpoint(f"newcomer {len(self.endpoints)}"))

    def id_of(self, endpoint: Endpoint) -> str:
        return resource_id("endpoints", "hub", "wg0", key(endpoint.name))

    def check(self) -> None:
        for name, first in self.first.items():
            lives = {life: told for (of, life), told in self.told.items() if of == name}
            not_ours = (first.rx, first.tx) if first.life in lives else (0, 0)
            assert self.rx[name] == sum(rx for rx, _ in lives.values()) - not_ours[0]
            assert self.tx[name] == sum(tx for _, tx in lives.values()) - not_ours[1]


def endpoint_of(body: dict[str, Any]) -> str:
    """The id of the endpoint that an event tells of."""
    return str(body["relationships"]["endpoint"]["data"][0]["id"])


step = st.one_of(
    st.tuples(st.just("traffic"), st.integers(0, 5), st.integers(0, 10**6), st.integers(0, 10**6)),
    st.tuples(st.just("handshake"), st.integers(0, 5), st.integers(-50, 130)),
    st.tuples(st.just("poll")),
    st.tuples(st.just("restart")),
    st.tuples(st.just("join")),
)


@settings(max_examples=300)
@given(st.lists(step, min_size=5, max_size=40), st.booleans())
def test_deltas_add_up_to_the_growth_whatever_the_cadence_and_the_restarts(
    steps: list[tuple[Any, ...]], knows_index: bool
) -> None:
    world = World([Endpoint("alice"), Endpoint("bob"), Endpoint("carol")], knows_index)
    for kind, *details in steps:
        if kind == "traffic":
            endpoint = world.endpoints[details[0] % len(world.endpoints)]
            endpoint.rx += details[1]
            endpoint.tx += details[2]
        elif kind == "handshake":
            world.clock += details[1]
            world.endpoints[details[0] % len(world.endpoints)].handshake = world.clock
        elif kind == "poll":
            world.poll()
        elif kind == "join":
            world.join()
        else:
            world.restart()
    world.poll()
    world.check()
