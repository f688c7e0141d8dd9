"""Settings by which a source runs."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from domain.settings import DEFAULTS
from domain.source_kinds import HTTP, JOURNAL, PROCUSTODIBUS, SOCKET, WIREGUARD
from sources.factory import used_settings
from store.records import StoredSource

CHANGES = {
    "least free disk": replace(DEFAULTS, min_free_disk_bytes=7),
    "names": replace(DEFAULTS, event_names=False),
    "places": replace(DEFAULTS, geo_db=("/geo.mmdb",)),
    "sending": replace(DEFAULTS, interval_ms=7, proxy="http://proxy:1"),
}


def source(kind: str, **options: str) -> StoredSource:
    """A source of that kind."""
    return StoredSource(
        name="it",
        kind=kind,
        active=True,
        options=options,
        revision=1,
        created_ms=0,
        updated_ms=0,
    )


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (source(WIREGUARD), {"least free disk", "names", "places"}),
        (source(HTTP), {"least free disk", "names", "places"}),
        (source(JOURNAL), {"least free disk", "names", "places"}),
        (source(PROCUSTODIBUS, broker="b"), {"least free disk"}),
        (source(SOCKET), {"least free disk"}),
        (source(HTTP, clients="not a number"), {"least free disk", "names", "places"}),
    ],
    ids=lambda one: f"{one.kind} {one.options}" if isinstance(one, StoredSource) else "",
)
def test_a_source_runs_by_what_it_uses(stored: StoredSource, expected: set[str]) -> None:
    before = used_settings(stored, DEFAULTS)
    changed = {what: used_settings(stored, settings) for what, settings in CHANGES.items()}
    assert {what for what, settings in changed.items() if settings != before} == expected
    assert changed["names"].event_names is ("names" not in expected)
