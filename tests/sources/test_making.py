"""What of the settings and kinds of alerts a source runs by."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.alert_kinds import all_terms
from domain.settings import DEFAULTS
from domain.source_kinds import HTTP, JOURNAL, PROCUSTODIBUS, SOCKET, WIREGUARD
from sources.making import Terms, used_terms
from store.records import StoredSource

BEFORE = Terms(DEFAULTS, all_terms({}))
CHANGES = {
    "least free disk": Terms(replace(DEFAULTS, min_free_disk_bytes=7), BEFORE.alerts),
    "names": Terms(replace(DEFAULTS, event_names=False), BEFORE.alerts),
    "peers": Terms(DEFAULTS, all_terms({"endpoint_added": {"danger": "9"}})),
    "sign-ins": Terms(DEFAULTS, all_terms({"authn_failures": {"danger": "9"}})),
    "blindness": Terms(DEFAULTS, all_terms({"source_stale": {"danger": "9"}})),
    "sending": Terms(replace(DEFAULTS, interval_ms=7, proxy="http://proxy:1"), BEFORE.alerts),
}


def source(kind: str, **options: str) -> StoredSource:
    """A source of that kind."""
    return StoredSource(
        name="it",
        kind=kind,
        active=True,
        options=options,
        revision=1,
        accepted_events=0,
        last_event_ms=None,
        last_ok_ms=None,
        error=None,
        error_ms=None,
        failures=0,
        created_ms=0,
        updated_ms=0,
    )


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (source(WIREGUARD), {"least free disk", "names", "peers", "sign-ins", "blindness"}),
        (
            source(HTTP, serves="events agents"),
            {"least free disk", "names", "peers", "sign-ins", "blindness"},
        ),
        (source(HTTP, serves="events"), {"least free disk", "names", "sign-ins"}),
        (source(JOURNAL), {"least free disk", "names", "sign-ins", "blindness"}),
        (source(PROCUSTODIBUS, broker="b"), {"least free disk", "blindness"}),
        (source(SOCKET), {"least free disk"}),
        (source(HTTP, clients="not a number"), {"least free disk", "names", "sign-ins"}),
    ],
    ids=lambda one: f"{one.kind} {one.options}" if isinstance(one, StoredSource) else "",
)
def test_a_source_runs_by_what_it_uses(stored: StoredSource, expected: set[str]) -> None:
    before = used_terms(stored, BEFORE)
    assert {what for what, terms in CHANGES.items() if used_terms(stored, terms) != before} == (
        expected
    )
    assert used_terms(stored, CHANGES["names"]).settings.event_names is ("names" not in expected)
