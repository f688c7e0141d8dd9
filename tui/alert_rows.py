"""How the kinds of alerts read in their list, and what is told of the selected one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rich.text import Text

from domain.alert_kinds import ACTIVE, KINDS, NETWORKS, AlertKind
from domain.safe import safe
from tui.widgets.columns import Cell, Column, Row

COLUMNS = (
    Column("state", "State", 6, sortable=False),
    Column("danger", "Danger", 6, right=True, sortable=False),
    Column("kind", "Kind", 31, sortable=False),
    Column("about", "What it tells of", 0, sortable=False),
)
LINE = 400

Given = Mapping[str, Mapping[str, str]]
"""What the store keeps, by kind and option."""


@dataclass(frozen=True, slots=True)
class Places:
    """What is known of where addresses are."""

    countries: bool
    networks: bool
    problem: str = ""

    def lacks(self, kind: AlertKind) -> bool:
        """Whether a kind cannot be raised for want of it."""
        has = self.networks if kind.needs == NETWORKS else self.countries
        return bool(kind.needs) and not has


def is_on(kind: AlertKind, given: Given) -> bool:
    """Whether it is switched on."""
    return kind.terms(given.get(kind.name, {})).active


def alerts_cell(given: Given | None) -> Cell:
    """How many kinds are on, in a line."""
    if given is None:
        return Cell("-", "dim")
    on = sum(is_on(kind, given) for kind in KINDS)
    tuned = sum(bool(given.get(kind.name)) for kind in KINDS)
    more = f" · {tuned} changed from the defaults" if tuned else ""
    return Cell(f"{on} of {len(KINDS)} kinds on{more}")


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
    if places is not None and places.lacks(kind):
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
    if places is not None and places.lacks(kind):
        lines.append(f"Not raised: it needs {kind.needs}. {places.problem}")
    return Text("\n".join(safe(line, LINE) for line in lines))
