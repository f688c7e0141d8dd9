"""Write the tables of docs/json.md: the members of what each command prints.

The members are those that the commands print on a store that has everything to show. Their
meanings, and the text around the tables, are written by hand and kept.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from docs.tools.parts import DOCS, in_order_of, rewritten, table
from tests.support.documents import table_rows
from tests.support.json_scene import Members, json_scene, shapes_of

PAGE = DOCS / "json.md"
UNEXPLAINED = "?"


def page() -> str:
    """Return the whole page; a member that is new has the meaning "?"."""
    with tempfile.TemporaryDirectory() as folder, json_scene(Path(folder)) as scene:
        return page_of(shapes_of(scene))


def page_of(shapes: dict[str, Members]) -> str:
    """Return the whole page, with these members in its tables."""
    return rewritten(PAGE, lambda name, old: members(old, shapes[name]))


def members(old: str, printed: Members) -> str:
    """Write the table anew: what is printed, and each object of it that the old table explains."""
    meanings = {member.strip("`"): meaning for member, meaning in table_rows(old)}
    holders = [one for one in meanings if any(_is_in(member, one) for member in printed)]
    order = in_order_of(meanings, [*holders, *(one for one in printed if one not in holders)])
    rows = [(f"`{member}`", meanings.get(member, UNEXPLAINED)) for member in order]
    return table(("member", "meaning"), rows)


def _is_in(member: str, holder: str) -> bool:
    return member.startswith((f"{holder}.", f"{holder}["))
