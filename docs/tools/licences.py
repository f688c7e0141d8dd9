"""Write docs/licences.md: the licence of each package that is installed with Tocsin."""

from __future__ import annotations

import re
from importlib.metadata import distribution

from docs.tools.parts import DOCS, ROOT

PAGE = DOCS / "licences.md"

_MIT = "Permission is hereby granted, free of charge"
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)
_HEAD = """# Licences

Tocsin itself is under the MIT licence ([LICENSE](../LICENSE)). What is installed with it, by
`requirements/run.txt`:

| package | version | licence |
| --- | --- | --- |
"""


def page() -> str:
    """Return the whole page, from what the installed packages say of themselves."""
    pinned = _PINNED.findall((ROOT / "requirements" / "run.txt").read_text())
    return _HEAD + "".join(
        f"| {name} | {version} | {licence(name)} |\n" for name, version in pinned
    )


def licence(name: str) -> str:
    """Return the licence of an installed package: SPDX expression, classifier or text."""
    facts = distribution(name)
    [expression] = facts.metadata.get_all("License-Expression") or [""]
    if expression:
        return str(expression)
    classifiers = facts.metadata.get_all("Classifier") or ()
    named = [line.split(" :: ")[-1] for line in classifiers if line.startswith("License :: ")]
    is_mit = _MIT in (facts.read_text("licenses/LICENSE") or "")
    stated = " and ".join(facts.metadata.get_all("License") or ())
    return " and ".join(named) or stated or ("MIT" if is_mit else "not stated")
