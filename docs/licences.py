"""Writes docs/licences.md: the licence of each package that is installed with Tocsin.

`python -m docs.licences` after a change of requirements/run.txt.
"""

from __future__ import annotations

import re
from importlib.metadata import distribution
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "licences.md"

_MIT = "Permission is hereby granted, free of charge"
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)
_HEAD = """# Licences

Tocsin itself is under the MIT licence ([LICENSE](../LICENSE)). What is installed with it, by
`requirements/run.txt`:

| package | version | licence |
| --- | --- | --- |
"""


def page() -> str:
    """The whole page, from what the installed packages say of themselves."""
    pinned = _PINNED.findall((ROOT / "requirements" / "run.txt").read_text())
    return _HEAD + "".join(
        f"| {name} | {version} | {licence(name)} |\n" for name, version in pinned
    )


def licence(name: str) -> str:
    """The licence of an installed package: its SPDX expression, a classifier, or its text."""
    facts = distribution(name)
    if expression := facts.metadata.get("License-Expression"):
        return str(expression)
    classifiers = facts.metadata.get_all("Classifier") or ()
    named = [line.split(" :: ")[-1] for line in classifiers if line.startswith("License :: ")]
    is_mit = _MIT in (facts.read_text("licenses/LICENSE") or "")
    stated = facts.metadata.get("License")
    return " and ".join(named) or stated or ("MIT" if is_mit else "not stated")


if __name__ == "__main__":
    PAGE.write_text(page())
