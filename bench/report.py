"""What the measurements print: a figure, its ratio to the floor, and whether a goal is met."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One line. `ratio` is to the floor of the same run; `goal` is in the figure's unit."""

    name: str
    value: float
    unit: str
    ratio: float | None = None
    at_least: float | None = None
    at_most: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None without a goal."""
        if self.at_least is not None:
            return self.value >= self.at_least
        if self.at_most is not None:
            return self.value <= self.at_most
        return None

    @property
    def text(self) -> str:
        """The line as it is printed."""
        return f"  {self.told}"

    @property
    def told(self) -> str:
        """Its name, value, ratio and goal."""
        ratio = "" if self.ratio is None else f"x{self.ratio:.2f}"
        return (
            f"{self.name:44} {_number(self.value):>9} {self.unit:8} {ratio:>7}  {self._goal}"
        ).rstrip()

    @property
    def _goal(self) -> str:
        if self.met is None:
            return ""
        sign, bound = ("<=", self.at_most) if self.at_least is None else (">=", self.at_least)
        return f"goal {sign} {_number(bound or 0)}: {'met' if self.met else 'MISSED'}"


_with_goals: list[tuple[str, Figure]] = []


def show(title: str, figures: list[Figure]) -> None:
    """Print a titled group of figures, and keep those with a goal for the table at the end."""
    print(f"\n{title}")
    for figure in figures:
        print(figure.text, flush=True)
    _with_goals.extend((title, one) for one in figures if one.met is not None)


def show_goals() -> None:
    """Print every goal beside its figure, and whether it is met."""
    missed = sum(not figure.met for _, figure in _with_goals)
    print(f"\nGoals: {len(_with_goals) - missed} met, {missed} missed")
    for title, figure in _with_goals:
        print(f"  {figure.told:98}  {title}")


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"
