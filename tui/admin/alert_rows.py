"""How the kinds of alerts read in their list, and what is told of the selected one."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from rich.text import Text

from domain.alert_kinds import ACTIVE, GEO, KINDS, AlertKind
from domain.safe import safe
from sources.geo import geo_of
from tui.cells import Cell, Column, Row

COLUMNS = (
    Column("state", "State", 6, sortable=False),
    Column("danger", "Danger", 6, right=True, sortable=False),
    Column("kind", "Kind", 31, sortable=False),
    Column("about", "What it tells of", 0, sortable=False),
)
LINE = 400

Given = Mapping[str, Mapping[str, str]]
"""What the store keeps, by kind and option."""


class Places(msgspec.Struct, frozen=True):
    """What is known of where addresses are; `old` is the warning where it is too old."""

    countries: bool
    networks: bool
    problem: str = ""
    old: str = ""

    def not_raised(self, kind: AlertKind, given: Given) -> str:
        """Why a kind is not raised although it is on, "" where it is off or can be raised."""
        if not is_on(kind, given):
            return ""
        set_here = given.get(kind.name, {})
        why = kind.not_raised(set_here, countries=self.countries, networks=self.networks)
        return f"{why}. {self.problem}".rstrip() if why and kind.needs else why


def places_of(files: tuple[str, ...], now_ms: int) -> Places:
    """What is known by these files, of which many megabytes may have to be read."""
    geo = geo_of(files)
    data = geo.country_data
    old = data.warning(now_ms) if data else ""
    return Places(geo.has_countries, geo.has_networks, geo.problem, old)


def is_on(kind: AlertKind, given: Given) -> bool:
    """Whether it is switched on."""
    return kind.terms(given.get(kind.name, {})).active


def alerts_cell(given: Given | None, places: Places | None = None) -> Cell:
    """How many kinds are on, in a line."""
    if given is None:
        return Cell("-", "dim")
    tuned = sum(bool(given.get(kind.name)) for kind in KINDS)
    more = f" · {tuned} changed from the defaults" if tuned else ""
    return Cell(f"{_on_of(given)} kinds on{_not_raised(given, places)}{more}")


def title_of(given: Given, places: Places | None) -> str:
    """What stands above the list."""
    return f"Kinds of alerts ── {_on_of(given)} on{_not_raised(given, places)}"


def _on_of(given: Given) -> str:
    return f"{sum(is_on(kind, given) for kind in KINDS)} of {len(KINDS)}"


def _not_raised(given: Given, places: Places | None) -> str:
    """How many are on for nothing; nothing while it is not known what is known of places."""
    count = sum(bool(places.not_raised(kind, given)) for kind in KINDS) if places else 0
    return f", ▲ {count} of them not raised" if count else ""


def row_of(kind: AlertKind, given: Given, places: Places | None) -> Row:
    """A row of the list."""
    terms = kind.terms(given.get(kind.name, {}))
    return (
        _state(kind, given, places),
        Cell(str(terms.danger), "plain" if terms.active else "dim"),
        Cell(kind.name, "plain" if terms.active else "dim"),
        Cell(kind.about, "dim"),
    )


def _state(kind: AlertKind, given: Given, places: Places | None) -> Cell:
    if not is_on(kind, given):
        return Cell("‖ off", "dim")
    if places is not None and places.not_raised(kind, given):
        return Cell("▲ on", "warning")
    return Cell("✓ on", "good")


def facts_of(kind: AlertKind, given: Given, places: Places | None) -> Text:
    """What it tells of, its numbers, and what it lacks."""
    set_here = given.get(kind.name, {})
    numbers = " · ".join(
        f"{one.name} {set_here.get(one.name, one.text) or 'none'}"
        + (f" (default {one.text or 'none'})" if one.name in set_here else "")
        for one in kind.defaults
        if one.name != ACTIVE
    )
    lines = [f"{kind.name}: {kind.about}", numbers]
    why = places.not_raised(kind, given) if places is not None else ""
    if why:
        lines.append(f"▲ Not raised: {why}")
    elif places is not None and places.old and kind.needs == GEO and is_on(kind, given):
        lines.append(f"▲ {places.old[0].upper()}{places.old[1:]}")
    return Text("\n".join(safe(line, LINE) for line in lines))
