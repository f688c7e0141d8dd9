from __future__ import annotations

import dataclasses
import json
import random
from collections import Counter
from dataclasses import dataclass
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.event_types import EventType
from domain.events import read_event
from domain.ids import event_id_from_facts, resource_id
from sources.wireguard import source as deriving
from sources.wireguard.events import DeriveTerms, HostNames
from sources.wireguard.snapshot import REMEMBER_GONE_MS, Baseline, Snapshot, State
from sources.wireguard.source import Derived
from tests.support.wireguard.dumps import PeerRow, dump, idle, interface_row, key, snapshot

ALICE = PeerRow("alice")
LATER = replace(ALICE, handshake=1_795_502_107, rx=1404, tx=1348)


TERMS = DeriveTerms(user="somebody", names=HostNames("hub"), event_names=False)


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
    assert {look.created_s for look in looks} == {None}


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


def test_counters_below_the_last_seen_count_from_nothing_beside_what_was_seen() -> None:
    grown = replace(ALICE, rx=5000, tx=5000)
    before = remember(snapshot(dump(ALICE)), snapshot(dump(grown), ifindex=None))
    # More than the last event told of, and less than what was seen since.
    (event,) = attributes(before, snapshot(dump(LATER), ifindex=None))
    assert (event["rx_delta"], event["tx_delta"]) == (5000 - 404 + 1404, 5000 - 348 + 1348)


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


def test_bytes_seen_before_a_restart_and_not_told_are_in_the_next_delta() -> None:
    grown = replace(ALICE, rx=5404, tx=348)
    before = remember(snapshot(dump(ALICE)), snapshot(dump(grown)))
    (event,) = attributes(before, snapshot(dump(LATER), ifindex=6))
    assert (event["rx_delta"], event["tx_delta"]) == (5000 + 1404, 1348)
    assert event["rx_total"] == 1404


def test_bytes_not_told_outlast_several_restarts() -> None:
    grown = replace(ALICE, rx=5404)
    again = replace(idle("alice"), rx=70, tx=7)
    before = remember(
        snapshot(dump(ALICE)),
        snapshot(dump(grown)),
        snapshot(dump(again), ifindex=6),
        snapshot(dump(idle("alice")), ifindex=7),
    )
    (event,) = attributes(before, snapshot(dump(LATER), ifindex=7))
    assert (event["rx_delta"], event["tx_delta"]) == (5000 + 70 + 1404, 7 + 1348)


def test_bytes_of_a_removed_peer_are_told_when_it_is_back() -> None:
    grown = replace(ALICE, rx=5404)
    looks = (snapshot(dump(ALICE)), snapshot(dump(grown)), snapshot(dump()), snapshot(dump()))
    (event,) = attributes(remember(*looks), snapshot(dump(LATER)))
    assert (event["rx_delta"], event["tx_delta"]) == (5000 + 1404, 1348)
    later = attributes(remember(*looks, snapshot(dump(LATER))), snapshot(dump(ALICE)))
    assert later[0]["rx_delta"] == 404, "they are told once"


def test_bytes_of_a_removed_interface_are_told_when_it_is_back() -> None:
    grown = replace(ALICE, rx=5404)
    before = remember(
        snapshot(dump(ALICE)), snapshot(dump(grown)), snapshot(""), snapshot("", ifindex=None)
    )
    (event,) = attributes(before, snapshot(dump(LATER), ifindex=6))
    assert (event["rx_delta"], event["tx_delta"]) == (5000 + 1404, 1348)


def test_bytes_of_a_removed_peer_are_forgotten_with_it() -> None:
    removed_ms = 1_795_502_130_000
    looks = (
        snapshot(dump(ALICE)),
        snapshot(dump(replace(ALICE, rx=5404))),
        snapshot(dump(), read_at_ms=removed_ms),
        snapshot(dump(), read_at_ms=removed_ms + REMEMBER_GONE_MS - 1),
    )
    assert remember(*looks).baselines == {"wg0": {key("alice"): Baseline(-5000, 0)}}
    forgotten = snapshot(dump(), read_at_ms=removed_ms + REMEMBER_GONE_MS)
    assert remember(*looks, forgotten).baselines == {"wg0": {}}


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
    """A peer as it really is."""

    name: str
    handshake: int = 0
    rx: int = 0
    tx: int = 0
    present: bool = True

    def restart(self) -> None:
        self.handshake = self.rx = self.tx = 0

    @property
    def row(self) -> PeerRow:
        return PeerRow(self.name, handshake=self.handshake, rx=self.rx, tx=self.tx)


@dataclass
class Seen:
    """Peer as the looks saw it: its totals at the last one, and the bytes that grew by then."""

    handshake: int
    rx: int
    tx: int
    grown_rx: int = 0
    grown_tx: int = 0


@dataclass
class World:
    """An interface, what a source made of it, and what a careful reader of its looks would add up.

    `knows_index` says whether a restart can be seen in the number of the interface.
    """

    endpoints: list[Endpoint]
    knows_index: bool
    state: State | None = None
    clock: int = 1_795_502_000
    present: bool = True

    def __post_init__(self) -> None:
        self.ifindex = self.seen_ifindex = 5
        self.seen: dict[str, Seen] = {}
        self.gone: set[str] = set()
        self.told_rx: Counter[str] = Counter()
        self.told_tx: Counter[str] = Counter()

    def poll(self) -> None:
        there = [one for one in self.endpoints if one.present] if self.present else []
        text = dump(*(one.row for one in there)) if self.present else ""
        read = snapshot(text, ifindex=self.ifindex if self.knows_index else None)
        derived = derive(self.state, read)
        for event in derived.events:
            told = json.loads(event.body)
            assert told["attributes"]["rx_delta"] >= 0
            assert told["attributes"]["tx_delta"] >= 0
            self.told_rx[endpoint_of(told)] += told["attributes"]["rx_delta"]
            self.told_tx[endpoint_of(told)] += told["attributes"]["tx_delta"]
        expected = Counter(self.id_of(one) for one in there if self.has_news(one))
        assert Counter(endpoint_of(json.loads(one.body)) for one in derived.events) == expected
        if self.present:
            self.note(there, is_first=self.state is None or "wg0" not in self.state.baselines)
        self.state = derived.state

    def has_news(self, endpoint: Endpoint) -> bool:
        if self.state is None or "wg0" not in self.state.baselines:
            return False
        before = self.seen.get(endpoint.name)
        known = 0 if before is None or endpoint.name in self.gone else before.handshake
        return endpoint.handshake not in (0, known)

    def note(self, there: list[Endpoint], *, is_first: bool) -> None:
        """Add what grew since the look before, as the counters and the interface's number show."""
        restarted = self.knows_index and self.ifindex != self.seen_ifindex
        for one in there:
            before = self.seen.get(one.name)
            if before is None:
                before = Seen(0, one.rx, one.tx) if is_first else Seen(0, 0, 0)
            elif restarted or one.name in self.gone or one.rx < before.rx or one.tx < before.tx:
                before = dataclasses.replace(before, rx=0, tx=0)
            self.seen[one.name] = Seen(
                one.handshake,
                one.rx,
                one.tx,
                before.grown_rx + one.rx - before.rx,
                before.grown_tx + one.tx - before.tx,
            )
        self.gone = self.seen.keys() - {one.name for one in there}
        self.seen_ifindex = self.ifindex

    def restart(self) -> None:
        self.ifindex += 1
        for endpoint in self.endpoints:
            endpoint.restart()

    def set_back(self, endpoint: Endpoint, rx: int, tx: int) -> None:
        endpoint.rx, endpoint.tx = rx % (endpoint.rx + 1), tx % (endpoint.tx + 1)

    def switch(self, endpoint: Endpoint) -> None:
        """Remove a peer, or add it anew."""
        endpoint.present = not endpoint.present
        endpoint.restart()

    def switch_interface(self) -> None:
        """Remove the interface, or bring it up with its peers anew."""
        self.present = not self.present
        self.restart()

    def join(self) -> None:
        self.endpoints.append(Endpoint(f"newcomer {len(self.endpoints)}"))

    def id_of(self, endpoint: Endpoint) -> str:
        return resource_id("endpoints", "hub", "wg0", key(endpoint.name))

    def check(self) -> None:
        """Told and pending bytes together are all that the looks saw."""
        assert self.state is not None
        known = self.state.baselines.get("wg0", {})
        for endpoint in self.endpoints:
            seen = self.seen.get(endpoint.name)
            if seen is None:
                continue
            base = known.get(key(endpoint.name), Baseline(0, 0))
            rx, tx = (0, 0) if endpoint.name in self.gone else (seen.rx, seen.tx)
            assert self.told_rx[self.id_of(endpoint)] + rx - base.rx == seen.grown_rx
            assert self.told_tx[self.id_of(endpoint)] + tx - base.tx == seen.grown_tx


def endpoint_of(body: dict[str, Any]) -> str:
    """The id of the endpoint that an event tells of."""
    return str(body["relationships"]["endpoint"]["data"][0]["id"])


amount = st.integers(0, 10**6)
number = st.integers(0, 5)
step = st.one_of(
    st.tuples(st.just("traffic"), number, amount, amount),
    st.tuples(st.just("handshake"), number, st.integers(-50, 130)),
    st.tuples(st.just("set back"), number, amount, amount),
    st.tuples(st.just("poll")),
    st.tuples(st.just("restart")),
    st.tuples(st.just("interface")),
    st.tuples(st.just("peer"), number),
    st.tuples(st.just("join")),
)


def act(world: World, kind: str, *details: int) -> None:
    """Let one step happen."""
    if kind == "poll":
        world.poll()
    elif kind == "join":
        world.join()
    elif kind == "restart":
        world.restart()
    elif kind == "interface":
        world.switch_interface()
    else:
        endpoint = world.endpoints[details[0] % len(world.endpoints)]
        if kind == "peer":
            world.switch(endpoint)
        elif kind == "set back":
            world.set_back(endpoint, *details[1:])
        elif kind == "traffic":
            endpoint.rx += details[1]
            endpoint.tx += details[2]
        else:
            world.clock += details[1]
            endpoint.handshake = world.clock


@settings(max_examples=400)
@given(st.lists(step, min_size=5, max_size=40), st.booleans())
def test_told_deltas_and_what_is_pending_add_up_to_what_the_looks_saw(
    steps: list[tuple[Any, ...]], knows_index: bool
) -> None:
    """Over restarts, removed peers and interfaces, and counters that go back, at any cadence."""
    world = World([Endpoint("alice"), Endpoint("bob"), Endpoint("carol")], knows_index)
    for kind, *details in steps:
        act(world, kind, *details)
    world.poll()
    world.check()
