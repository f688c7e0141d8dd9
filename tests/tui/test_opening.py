"""Opening of the screen: it is told of, and a failure of that keeps nothing from being sent."""

from __future__ import annotations

import json
from typing import Any

from domain.event_types import EventType
from domain.source_kinds import OWN_SIGN_INS
from store import sources, workers
from store.events import reading
from tests.support.program import Tocsin
from tests.support.running_worker import opened_desk
from tests.support.stores import Desk
from tests.support.terminals import on_terminal
from tests.support.waiting import eventually


def sent_and_told(tocsin: Tocsin, connection: str = "") -> list[dict[str, Any]]:
    """The openings that are told of when the screen's worker sends."""
    with on_terminal(tocsin, SSH_CONNECTION=connection) as terminal, opened_desk(tocsin.db) as desk:
        terminal.read_until("this terminal")
        eventually(lambda: any(one.active for one in desk.call(workers.load_all)))
        return told(desk)


def told(desk: Desk) -> list[dict[str, Any]]:
    found = desk.call(reading.newest, EventType.LOG_AUTHN, limit=9)
    return [json.loads(one.body)["attributes"] for one in found]


def test_an_opening_is_told_with_the_claimed_address(tocsin: Tocsin) -> None:
    [opening] = sent_and_told(tocsin, "192.0.2.7 5 192.0.2.1 22")
    assert (opening["type"], opening["status"]) == ("terminal", "ok")
    assert opening["ip"] == "192.0.2.7"


def test_a_memory_that_is_damaged_does_not_keep_it_from_sending(tocsin: Tocsin) -> None:
    with opened_desk(tocsin.db) as desk:
        desk.call(sources.save_batch, OWN_SIGN_INS, (), b"\xff", desk.now_ms)
    assert len(sent_and_told(tocsin)) == 1


def test_while_the_source_is_paused_nothing_is_told(tocsin: Tocsin) -> None:
    assert tocsin.run("source", "pause", OWN_SIGN_INS).returncode == 0
    assert sent_and_told(tocsin) == []
