"""Private parts of Textual: each is there, is listed, can be missing, and is used here alone."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
import textwrap
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

from tests.support.apps import Bench, screen_text
from tests.support.program import ROOT
from tests.support.stores import fields
from tui.terminal.private_parts import PRIVATE_PARTS, are_known, has_part

FOREIGN = ("textual", "rich")
TERMINAL = ROOT / "tui" / "terminal"
NOT_THERE = "textual.app:App._not_there"


@pytest.mark.parametrize(
    "part", sorted({part for parts in PRIVATE_PARTS.values() for part in parts})
)
def test_the_installed_textual_has(part: str) -> None:
    assert has_part(part), f"Textual has no {part} any more: see who uses it in private_parts.py"


@pytest.mark.parametrize(
    "part",
    [NOT_THERE, "textual.app:Ap.exit", "textual._not_there:App", "textual.reactive:_watch._"],
)
def test_what_is_not_there_is_not_found(part: str) -> None:
    assert not has_part(part)


@pytest.fixture
def without(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A Textual without something that one module uses."""
    monkeypatch.setitem(PRIVATE_PARTS, request.param, (NOT_THERE,))
    are_known.cache_clear()
    yield
    are_known.cache_clear()


@pytest.mark.parametrize("without", PRIVATE_PARTS, indirect=True)
@pytest.mark.usefixtures("without")
def test_without_a_private_part_the_screens_work(bench: Bench) -> None:
    bench.store.add(fields(name="siem"))

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            for keys, shown in (
                ("x", "y yes  n no"),
                ("n", "siem"),
                ("?", "Keys of this screen"),
                ("q", "? all keys"),
                ("a", "Add webhook"),
            ):
                await pilot.press(keys.replace("?", "question_mark"))
                await pilot.pause()
                assert shown in screen_text(app)
            assert app.failures.last_bug == ""

    asyncio.run(scene())


def test_no_private_part_is_used_elsewhere() -> None:
    others = [path for path in (ROOT / "tui").rglob("*.py") if TERMINAL not in path.parents]
    assert [(path, *used) for path in others for used in private_names(path)] == []


@pytest.mark.parametrize("path", TERMINAL.glob("[a-z]*.py"), ids=lambda path: path.stem)
def test_each_private_part_that_is_used_is_listed_and_no_other(path: Path) -> None:
    listed = [re.split("[.:]", part) for part in PRIVATE_PARTS.get(path.stem, ())]
    assert {name for _, name in private_names(path)} <= {name for names in listed for name in names}
    text = path.read_text(encoding="utf-8")
    assert [names for names in listed if names[-1] not in text] == []


def private_names(path: Path) -> Iterator[tuple[int, str]]:
    """Every private name of Textual or Rich that a module uses, with its line."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        for name in _outside_classes(node):
            yield node.lineno, name  # type: ignore[attr-defined]
    module = import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    for kind, node in _classes(tree, module):
        private = {
            name
            for base in kind.__mro__
            if _is_foreign(base.__module__)
            for name in own_names(base)
        }
        for part in ast.walk(node):
            yield from ((line, name) for line, name in _own(part) if name in private)


def _outside_classes(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.ImportFrom(module=str(module), names=names) if _is_foreign(module):
            is_private = any(part.startswith("_") for part in module.split("."))
            yield from (one.name for one in names if is_private or one.name.startswith("_"))
        case ast.Attribute(value=ast.Name(id="self" | "cls")):
            pass
        case ast.Attribute(attr=name) if _is_private(name):
            yield name
        case ast.Call(func=ast.Name(id="getattr" | "setattr" | "hasattr"), args=[_, name, *_]):
            if isinstance(name, ast.Constant) and _is_private(str(name.value)):
                yield str(name.value)


def _own(node: ast.AST) -> Iterator[tuple[int, str]]:
    """Return the names of itself that a class defines, sets and reads."""
    match node:
        case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name):
            yield node.lineno, name
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            yield node.lineno, name
        case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]):
            yield node.lineno, name


def _classes(tree: ast.AST, holder: object) -> Iterator[tuple[type, ast.ClassDef]]:
    """Each class of a module, those within others too."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef):
            kind = getattr(holder, node.name)
            yield kind, node
            yield from _classes(node, kind)


@cache
def own_names(kind: type) -> frozenset[str]:
    """The private names that the code of a class defines or sets."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(kind)))
    except (OSError, TypeError):
        return frozenset(filter(_is_private, vars(kind)))
    named = {name for node in ast.walk(tree) for _, name in _own(node)}
    return frozenset(filter(_is_private, named | vars(kind).keys()))


def _is_foreign(module: str) -> bool:
    return module.partition(".")[0] in FOREIGN


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")
