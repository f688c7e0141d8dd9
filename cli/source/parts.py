"""Further parts of an HTTP source that is there, for `source add http --serves ...`."""

from __future__ import annotations

from collections.abc import Mapping

from domain import source_kinds
from store.errors import Conflict
from store.records import StoredSource


def parts_in_all(source: StoredSource, kind: str, given: Mapping[str, str]) -> str:
    """Return what the source is to serve from now on. Raises Conflict where it is another one."""
    if source.kind != kind or "serves" not in given or not _new_parts(source, given):
        raise Conflict(
            f"there is a source {source.name} already: choose another name, or change that one "
            f"with `tocsin source edit {source.name}`"
        )
    known = source_kinds.kind_named(kind).check({"serves": f"{_served(source)},{given['serves']}"})
    return known["serves"].replace(", ", ",")


def question_before(source: StoredSource, given: Mapping[str, str], parts: str) -> str:
    """The question whether the source that is there is to serve more."""
    others = ", ".join(f"--{name.replace('_', '-')}" for name in given if name != "serves")
    parts_text = ", ".join(_new_parts(source, given))
    set_too = f", and set {others}" if others else ""
    return (
        f"There is a source {source.name} already, which serves {_served(source)}. Let it serve "
        f"{parts_text} too{set_too}, as `tocsin source edit {source.name} "
        f"--serves {parts}` does?"
    )


def _served(source: StoredSource) -> str:
    defaults = source_kinds.kind_named(source.kind).defaults
    default = next(default.text for default in defaults if default.name == "serves")
    return source.options.get("serves", default)


def _new_parts(source: StoredSource, given: Mapping[str, str]) -> list[str]:
    served = [part.strip() for part in _served(source).split(",")]
    return [part.strip() for part in given["serves"].split(",") if part.strip() not in served]
