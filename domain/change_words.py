"""What a line of the audit trail says, in words: the same in commands and on screens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from domain.words import duration_text, time_text

SIDES = ("before", "after")


def detail_text(detail: Mapping[str, object]) -> str:
    """What a change changed, in words: "url https://a -> https://b, interval 3m -> 1h"."""
    return ", ".join(detail_lines(detail))


def detail_lines(detail: Mapping[str, object]) -> list[str]:
    """The same, one thing a line."""
    members = readable(detail)
    before, after = (members.pop(side, None) for side in SIDES)
    return [*_pairs(members), *_sides(before, after)]


def _sides(before: object, after: object) -> Iterator[str]:
    """A single setting, a new webhook's fields, or those that an edit changed."""
    if not isinstance(after, Mapping):
        if after is not None:
            yield f"{_value(before)} -> {_value(after)}"
        return
    if not isinstance(before, Mapping):
        yield from _pairs(after)
        return
    for name, value in after.items():
        yield f"{_words(name)} {_value(before.get(name))} -> {_value(value)}"


def _pairs(members: Mapping[str, object]) -> Iterator[str]:
    for name, value in members.items():
        if isinstance(value, Mapping):
            yield from _pairs(value)
        elif value is not None and value is not False and value != []:
            yield _words(name) if value is True else f"{_words(name)} {_value(value)}"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _value(value: object) -> str:
    if value is None or value == []:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return f"[{', '.join(map(str, value))}]"
    return str(value)


def readable(detail: Mapping[str, object]) -> dict[str, Any]:
    """The detail with times and durations as everywhere else."""
    return dict(_readable_member(name, value) for name, value in detail.items())


def _readable_member(name: str, value: object) -> tuple[str, object]:
    if isinstance(value, Mapping):
        return name, readable(value)
    if name == "before_ms" and isinstance(value, int):
        return "accepted_before", time_text(value)
    if name.endswith("_ms") and (value is None or isinstance(value, int)):
        return name.removesuffix("_ms"), duration_text(value)
    return name, value
