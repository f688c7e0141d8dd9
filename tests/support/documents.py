"""Readers of our own Markdown: sections, tables and blocks of code."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.program import ROOT

README = ROOT / "README.md"
DOCS = ROOT / "docs"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
PAGES = (README, CONTRIBUTING, ROOT / "CHANGELOG.md", *sorted(DOCS.glob("*.md")))

_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_CODE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def section(page: Path, heading: str) -> str:
    """Return the text under a heading, up to the next one of whatever level."""
    text = page.read_text(encoding="utf-8")
    spans = {found[1]: found for found in _HEADING.finditer(_without_code(text))}
    assert heading in spans, f"{page.name} has no heading {heading!r}: {list(spans)}"
    start = spans[heading].end()
    following = [found.start() for found in spans.values() if found.start() > start]
    return text[start : min(following, default=len(text))]


def table_rows(text: str) -> list[list[str]]:
    """The cells of every row of every table, without heads and rules."""
    lines = text.splitlines()
    rows = []
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if line.startswith("| ") and not _is_rule(line) and not _is_rule(following):
            rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def code_blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a language, in order."""
    return [found[2] for found in _CODE.finditer(text) if found[1] == language]


def _is_rule(line: str) -> bool:
    return line.startswith("| ---")


def _without_code(text: str) -> str:
    """The same text, of the same length, with blocks of code blanked out."""
    return _CODE.sub(lambda found: " " * len(found[0]), text)
