"""What is foreseen of a source: when one that fails is tried again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.source_kinds import AGENT, SOCKET, WIREGUARD
from sources.outlook import next_look_ms
from store.records import StoredSource

FAILED = StoredSource(
    name="one",
    kind=WIREGUARD,
    active=True,
    options={},
    revision=1,
    accepted_events=0,
    last_event_ms=None,
    last_ok_ms=None,
    error="it is dark",
    error_ms=1_000,
    failures=3,
    created_ms=0,
    updated_ms=0,
)


@pytest.mark.parametrize(("failures", "wait_s"), [(1, 1), (3, 4), (9, 256), (1_000, 300)])
def test_what_fails_is_tried_again_less_and_less(failures: int, wait_s: int) -> None:
    for kind in (WIREGUARD, SOCKET):
        source = replace(FAILED, kind=kind, failures=failures)
        assert next_look_ms(source) == 1_000 + wait_s * 1_000


@pytest.mark.parametrize("change", [{"active": False}, {"failures": 0}, {"kind": AGENT}])
def test_what_is_paused_or_well_or_reports_by_itself_is_not_tried_again(
    change: dict[str, object],
) -> None:
    assert next_look_ms(replace(FAILED, **change)) is None  # type: ignore[arg-type]  # by name
