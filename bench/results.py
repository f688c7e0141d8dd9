"""Figures of a run: their medians and ranges over rounds, their goals, the JSON and the tables."""

from __future__ import annotations

import json
import os
import platform
import sqlite3
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure, taken in each round. Goals are in its unit, and for its median."""

    name: str
    unit: str
    rounds: tuple[float, ...]
    floor: float | None = None
    """Figure that it is a multiple of, in its unit."""

    at_least: float | None = None
    at_most: float | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.rounds)

    @property
    def met(self) -> bool | None:
        """True if the goal is met; None without a goal."""
        if self.at_least is not None:
            return self.median >= self.at_least
        if self.at_most is not None:
            return self.median <= self.at_most
        return None

    @property
    def goal(self) -> str:
        """The goal, such as `>= 1.00`; empty without one."""
        if self.at_least is not None:
            return f">= {_number(self.at_least)}"
        return "" if self.at_most is None else f"<= {_number(self.at_most)}"

    @property
    def value(self) -> str:
        """The median, and the least and the most of the rounds where there are several."""
        if len(self.rounds) == 1:
            return _number(self.median)
        return f"{_number(self.median)} ({_number(min(self.rounds))}-{_number(max(self.rounds))})"

    @property
    def verdict(self) -> str:
        return {None: "", True: "met", False: "MISSED"}[self.met]

    @property
    def line(self) -> str:
        """It is printed like this."""
        floor = "" if self.floor is None else f"x{self.median / self.floor:.2f}"
        goal = f"{self.goal:>10} {self.verdict}" if self.goal else ""
        return f"  {self.name:50} {self.value:>30} {self.unit:9}{floor:7}{goal}".rstrip()

    def as_json(self) -> dict[str, object]:
        """Its members in the JSON of a run."""
        return {
            "name": self.name,
            "unit": self.unit,
            "value": self.value,
            "median": self.median,
            "rounds": self.rounds,
            "goal": self.goal,
            "met": self.met,
        }


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, ...]:
    """The ratio of each round."""
    return tuple(one / other for one, other in zip(ours, theirs, strict=True))


@dataclass
class Run:
    """A run of some cases: where it works, how much it does, and what it found."""

    folder: Path
    quick: bool = False
    beside: str = ""
    """The program beside which Tocsin is measured, and its version."""

    figures: dict[str, list[Figure]] = field(default_factory=dict)
    """The figures by the title of their case."""

    checked: dict[str, int] = field(default_factory=dict)
    """The number of bodies that were compared with the events, by the title of the case."""

    faults: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    loads: dict[str, float] = field(default_factory=dict)
    """The load of the machine at the end of each case, a minute's average."""

    @property
    def rounds(self) -> range:
        return range(3 if self.quick else 5)

    @property
    def title(self) -> str:
        """The case that was begun last."""
        return list(self.figures)[-1]

    def pick(self, full: int, quick: int) -> int:
        """A number for a full run or for a quick one."""
        return quick if self.quick else full

    def begin(self, title: str) -> None:
        """Begin a case."""
        self.figures[title] = []
        print(f"\n{title}", flush=True)

    def add(self, figures: Iterable[Figure], note: str = "") -> None:
        """Keep figures of the case that was begun last, and print them."""
        if note:
            print(f"  {note}")
        for figure in figures:
            self.figures[self.title].append(figure)
            print(figure.line, flush=True)
        self.loads[self.title] = round(os.getloadavg()[0], 1)

    def check(self, what: str, faults: Sequence[str], bodies: int) -> None:
        """Keep what a check of deliveries of the case that was begun last has found."""
        self.faults += [f"{self.title}: {what}: {fault}" for fault in faults]
        self.checked[self.title] = self.checked.get(self.title, 0) + bodies

    def skip(self, reason: str) -> None:
        """Say that a part of the case that was begun last is not measured."""
        self.skipped.append(f"{self.title}: {reason}")
        print(f"  not measured: {reason}", flush=True)

    def as_json(self) -> dict[str, Any]:
        """All that was found."""
        return {
            "taken": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": machine(),
            "beside": self.beside,
            "quick": self.quick,
            "rounds": len(self.rounds),
            "cases": [
                {
                    "title": title,
                    "load": self.loads.get(title),
                    "figures": [figure.as_json() for figure in figures],
                }
                for title, figures in self.figures.items()
            ],
            "checked": self.checked,
            "faults": self.faults,
            "skipped": self.skipped,
        }


def machine() -> str:
    """The programs and the processors of this machine in a line."""
    return (
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, "
        f"{os.cpu_count()} processors, {platform.system()}"
    )


def verdict(run: Run) -> str:
    """The result of the delivery check in a sentence, with every fault."""
    return _checked_text(run.checked, run.faults)


def goals_text(run: Run) -> str:
    """Every goal beside its figure, and the sum of them."""
    judged = [
        (title, figure)
        for title, figures in run.figures.items()
        for figure in figures
        if figure.met is not None
    ]
    missed = sum(not figure.met for _, figure in judged)
    lines = [f"Goals: {len(judged) - missed} met, {missed} missed"]
    lines += [f"{figure.line:116}  {title}" for title, figure in judged]
    return "\n".join(lines)


def section(found: Mapping[str, Any]) -> str:
    """The section of the manual that shows the JSON of a run: ratios, and figures with a goal."""
    loads = [case["load"] for case in found["cases"] if case["load"] is not None] or [0.0]
    lines = [
        f"{found['taken'][:10]}, {found['machine']}, {found['beside']}; {found['rounds']} rounds, "
        f"load {min(loads)} to {max(loads)}, the measured programs included.",
        "",
        "| case | figure | median (range) | goal | |",
        "| --- | --- | ---: | ---: | --- |",
    ]
    for case in found["cases"]:
        for figure in case["figures"]:
            if figure["goal"] or not figure["unit"]:
                lines.append(f"| {' | '.join(_cells(case['title'], figure))} |")
    lines += ["", _checked_text(found["checked"], found["faults"])]
    lines += [f"Not measured: {reason}." for reason in found["skipped"]]
    return "\n".join(lines) + "\n"


def _cells(title: str, figure: Mapping[str, Any]) -> tuple[str, ...]:
    verdict = {None: "", True: "met", False: "**missed**"}[figure["met"]]
    value = f"{figure['value']} {figure['unit']}".rstrip()
    return title, figure["name"], value, figure["goal"], verdict


def _checked_text(checked: Mapping[str, int], faults: Sequence[str]) -> str:
    if faults:
        return f"The delivery check failed: {'; '.join(faults)}"
    if not (bodies := sum(checked.values())):
        return "Delivery check: nothing was delivered in these cases."
    return f"Delivery check: nothing lost, doubled, reordered or changed in {bodies:,} bodies."


def save(found: Mapping[str, Any], path: Path) -> None:
    """Write the JSON of a run."""
    path.write_text(json.dumps(found, indent=1) + "\n")


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"
