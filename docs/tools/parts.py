"""The generated parts of a page: found between two comments, and replaced."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

_PART = re.compile(r"(<!-- generated: (.+?) -->\n).*?(<!-- end -->)", re.DOTALL)


def rewritten(page: Path, write: Callable[[str, str], str]) -> str:
    """Return the page with `write(name, old text)` in each generated part; the rest stays."""

    def part(found: re.Match[str]) -> str:
        old = found[0].removeprefix(found[1]).removesuffix(found[3])
        return f"{found[1]}\n{write(found[2], old)}\n{found[3]}"

    text = page.read_text(encoding="utf-8")
    if not _PART.search(text):
        raise ValueError(f"{page.name} has no generated part")
    return _PART.sub(part, text)


def names(page: Path) -> list[str]:
    """Return the names of the generated parts of a page, in order."""
    return [found[2] for found in _PART.finditer(page.read_text(encoding="utf-8"))]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a Markdown table."""
    rule = ["---"] * len(head)
    return "".join(f"| {' | '.join(map(_cell, row))} |\n" for row in (head, rule, *rows))


def in_order_of(old: Iterable[str], new: Sequence[str]) -> list[str]:
    """Return `new` in the order of `old`; what `old` lacks comes behind its predecessor."""
    ordered = [one for one in old if one in new]
    for one in new:
        if one not in ordered:
            before = new[: new.index(one)]
            ordered.insert(ordered.index(before[-1]) + 1 if before else 0, one)
    return ordered


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
