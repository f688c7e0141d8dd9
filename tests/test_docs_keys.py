"""docs/keys.md names every key of the screen that has an id, and no other."""

from __future__ import annotations

import pkgutil
import tomllib
from collections.abc import Iterator
from importlib import import_module

from textual.binding import Binding

import tui
from tests.documents import DOCS, code_blocks, table_rows

PAGE = DOCS / "keys.md"


def bindings() -> Iterator[Binding]:
    """Those of every class in `tui`."""
    for module in pkgutil.walk_packages(tui.__path__, "tui."):
        for thing in vars(import_module(module.name)).values():
            if isinstance(thing, type) and thing.__module__ == module.name:
                own = thing.__dict__.get("BINDINGS", ())
                yield from (one for one in own if isinstance(one, Binding) and one.id)


def test_every_id_has_its_keys() -> None:
    rows = table_rows(PAGE.read_text(encoding="utf-8"))
    documented = [(id_.strip("`"), keys.strip("`")) for id_, keys, _ in rows]
    assert sorted(documented) == sorted({(one.id or "", one.key) for one in bindings()})


def test_the_example_has_ids_that_there_are() -> None:
    [example] = code_blocks(PAGE.read_text(encoding="utf-8"), "toml")
    keymap = tomllib.loads(example)["keys"]
    assert keymap.keys() <= {one.id for one in bindings()}
