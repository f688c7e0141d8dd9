"""Limit of connections: one goes when there are too many."""

from __future__ import annotations

from dataclasses import dataclass

from sources.http.connection_limit import SETTLE_S, ConnectionLimit


@dataclass(eq=False)
class Caller:
    """A connection that knows whether it was cut."""

    address: str
    active_s: float = 0.0
    admitted: bool = False
    is_answering: bool = False
    was_cut: bool = False

    def cut(self) -> None:
        self.was_cut = True


def entered(limit: ConnectionLimit, *callers: Caller) -> list[bool]:
    return [limit.enter(one) for one in callers]


def test_the_longest_idle_that_nobody_let_in_goes() -> None:
    limit = ConnectionLimit(4, clock=lambda: 100.0)
    friend = Caller("192.0.2.1", admitted=True)
    busy = Caller("192.0.2.2", is_answering=True)
    old, young = Caller("192.0.2.3", 50.0), Caller("192.0.2.4", 60.0)
    assert entered(limit, friend, busy, young, old, Caller("192.0.2.5", 100.0)) == [True] * 5
    assert [one.was_cut for one in (friend, busy, old, young)] == [False, False, True, False]


def test_where_all_were_let_in_a_new_one_is_refused() -> None:
    limit = ConnectionLimit(2, clock=lambda: 100.0)
    first = Caller("192.0.2.1", admitted=True)
    assert entered(limit, first, Caller("192.0.2.2", is_answering=True)) == [True, True]
    assert entered(limit, Caller("192.0.2.3")) == [False]
    limit.leave(first)
    assert entered(limit, Caller("192.0.2.3")) == [True]


def test_one_address_takes_no_more_than_its_share() -> None:
    limit = ConnectionLimit(6, clock=lambda: 100.0)
    known = [Caller("2001:db8::1", admitted=True) for _ in range(2)]
    fresh = [Caller(f"2001:db8::{number}", 100.0 - SETTLE_S / 2) for number in range(2, 6)]
    assert entered(limit, *known, *fresh) == [True, True, True, True, True, False]
    fresh[0].active_s = 100.0 - SETTLE_S
    assert entered(limit, Caller("2001:db8::9", 100.0)) == [True]
    assert fresh[0].was_cut, "of its own address"
    assert entered(limit, Caller("192.0.2.1")) == [True], "others have room"


def test_behind_a_proxy_of_this_host_there_is_no_share() -> None:
    limit = ConnectionLimit(4, clock=lambda: 100.0)
    assert entered(limit, *(Caller("127.0.0.1", 100.0) for _ in range(4))) == [True] * 4
