"""Kinds of alerts as rows of their list, and the facts of the selected kind."""

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
"""Options that the store keeps, by kind and name of the option."""


class GeoCoverage(msgspec.Struct, frozen=True):
    """Coverage of the geo data; `old` is the warning if the data is too old."""

    countries: bool
    networks: bool
    problem: str = ""
    old: str = ""

    def not_raised(self, kind: AlertKind, given: Given) -> str:
        """Return why a kind is not raised although it is on; "" if it is off or can be raised."""
        if not is_on(kind, given):
            return ""
        set_here = given.get(kind.name, {})
        why = kind.not_raised(set_here, countries=self.countries, networks=self.networks)
        return f"{why}. {self.problem}".rstrip() if why and kind.needs else why


def read_coverage(files: tuple[str, ...], now_ms: int) -> GeoCoverage:
    """Read the coverage of geo files, which may have many megabytes."""
    geo = geo_of(files)
    data = geo.country_data
    old = data.warning(now_ms) if data else ""
    return GeoCoverage(geo.has_countries, geo.has_networks, geo.problem, old)


def is_on(kind: AlertKind, given: Given) -> bool:
    """Return True if a kind is switched on."""
    return kind.terms(given.get(kind.name, {})).active


def alerts_cell(given: Given | None, coverage: GeoCoverage | None = None) -> Cell:
    """Return how many kinds are on, in a line."""
    if given is None:
        return Cell("-", "dim")
    tuned = sum(bool(given.get(kind.name)) for kind in KINDS)
    more = f" · {tuned} changed from the defaults" if tuned else ""
    return Cell(f"{_on_of(given)} kinds on{_not_raised(given, coverage)}{more}")


def title_of(given: Given, coverage: GeoCoverage | None) -> str:
    """Return the title of the list."""
    return f"Kinds of alerts ── {_on_of(given)} on{_not_raised(given, coverage)}"


def _on_of(given: Given) -> str:
    return f"{sum(is_on(kind, given) for kind in KINDS)} of {len(KINDS)}"


def _not_raised(given: Given, coverage: GeoCoverage | None) -> str:
    """Return how many are on but not raised; "" until the coverage is read."""
    count = sum(bool(coverage.not_raised(kind, given)) for kind in KINDS) if coverage else 0
    return f", ▲ {count} of them not raised" if count else ""


def row_of(kind: AlertKind, given: Given, coverage: GeoCoverage | None) -> Row:
    """Return the row of a kind."""
    terms = kind.terms(given.get(kind.name, {}))
    return (
        _state(kind, given, coverage),
        Cell(str(terms.danger), "plain" if terms.active else "dim"),
        Cell(kind.name, "plain" if terms.active else "dim"),
        Cell(kind.about, "dim"),
    )


def _state(kind: AlertKind, given: Given, coverage: GeoCoverage | None) -> Cell:
    if not is_on(kind, given):
        return Cell("‖ off", "dim")
    if coverage is not None and coverage.not_raised(kind, given):
        return Cell("▲ on", "warning")
    return Cell("✓ on", "good")


def facts_of(kind: AlertKind, given: Given, coverage: GeoCoverage | None) -> Text:
    """Return the facts of a kind: its description, its numbers, and why it is not raised."""
    set_here = given.get(kind.name, {})
    numbers = " · ".join(
        f"{default.name} {set_here.get(default.name, default.text) or 'none'}"
        + (f" (default {default.text or 'none'})" if default.name in set_here else "")
        for default in kind.defaults
        if default.name != ACTIVE
    )
    lines = [f"{kind.name}: {kind.about}", numbers]
    why = coverage.not_raised(kind, given) if coverage is not None else ""
    if why:
        lines.append(f"▲ Not raised: {why}")
    elif coverage is not None and coverage.old and kind.needs == GEO and is_on(kind, given):
        lines.append(f"▲ {coverage.old[0].upper()}{coverage.old[1:]}")
    return Text("\n".join(safe(line, LINE) for line in lines))
