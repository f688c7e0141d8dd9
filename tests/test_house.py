"""The rules of the house: how the code is laid out and named, so that a newcomer finds his way."""

from __future__ import annotations

import ast
import pkgutil
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest
from textual.app import App
from textual.screen import Screen

import tui

pytestmark = pytest.mark.xdist_group("house")  # one process reads the code for all of them
ROOT = Path(__file__).parents[1]
PACKAGES = ("cli", "delivery", "domain", "sources", "store", "tui")
MOST_MODULES = 20
MOST_MODULES_OF = {"domain": 30, "store": 30}
MOST_LINES = 400
MOST_ANCESTORS = 4
MOST_LINES_OF_A_FUNCTION = 40
OPENINGS = ("What", "Whether", "How", "Where", "Who", "Why", "Which", "That")
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@cache
def trees(packages: Sequence[str] = PACKAGES) -> dict[str, ast.Module]:
    """Each module of some packages, of the product usually, by its path."""
    paths = sorted(path for package in packages for path in (ROOT / package).rglob("*.py"))
    return {str(path.relative_to(ROOT)): ast.parse(path.read_text()) for path in paths}


def module_of(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def imports_of(tree: ast.Module, modules: set[str]) -> Iterator[str]:
    """All modules of ours that a module imports: at its top, in functions and for its types."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for name in node.names:
                full = f"{node.module}.{name.name}"
                yield full if full in modules else node.module
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


def siblings(importer: str, imported: str) -> tuple[str, str] | None:
    """The two children of one folder that an import connects; None within one of them."""
    here, there = importer.split("."), imported.split(".")
    for depth, (one, other) in enumerate(zip(here, there, strict=False), 1):
        if one != other:
            return ".".join(here[:depth]), ".".join(there[:depth])
    return None


def arrows() -> dict[str, set[str]]:
    """The imports between the children of each folder, at every level."""
    modules = {module_of(path) for path in trees()}
    found = defaultdict(set)
    for path, tree in trees().items():
        for imported in imports_of(tree, modules):
            if imported in modules and (pair := siblings(module_of(path), imported)):
                found[pair[0]].add(pair[1])
    return found


def circle_from(start: str, arrows: dict[str, set[str]]) -> list[str]:
    """A way along the imports that leads back to its start; [] if there is none."""
    ways, seen = [[start]], set()
    while ways:
        way = ways.pop()
        for following in sorted(arrows.get(way[-1], ())):
            if following == start:
                return [*way, start]
            if following not in seen:
                seen.add(following)
                ways.append([*way, following])
    return []


def test_no_circle_of_files_or_folders() -> None:
    found = arrows()
    assert [way for start in sorted(found) if (way := circle_from(start, found))] == []


def test_a_circle_would_be_found() -> None:
    assert circle_from("a", {"a": {"b"}, "b": {"c"}, "c": {"a"}}) == ["a", "b", "c", "a"]
    assert siblings("tui.webhooks.rows", "tui.admin.panel") == ("tui.webhooks", "tui.admin")
    assert siblings("store", "store.files") is None


def test_no_folder_is_crowded() -> None:
    folders = defaultdict(list)
    for path in trees():
        if not path.endswith("__init__.py"):
            folders[str(Path(path).parent)].append(path)
    crowded = {
        folder: len(files)
        for folder, files in folders.items()
        if len(files) > MOST_MODULES_OF.get(folder, MOST_MODULES)
    }
    assert crowded == {}


def test_no_file_is_long() -> None:
    lines = {path: len((ROOT / path).read_text().splitlines()) for path in trees()}
    assert {path: count for path, count in lines.items() if count > MOST_LINES} == {}


def test_no_function_is_long() -> None:
    long = {
        f"{path}:{node.name}": node.end_lineno - node.lineno + 1
        for path, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno >= MOST_LINES_OF_A_FUNCTION
        and "/migrations/m0" not in path  # frozen as they were released
    }
    assert long == {}


def test_no_public_class_name_is_there_twice() -> None:
    places = defaultdict(list)
    for path, tree in trees().items():
        if "/migrations/m0" in path:  # frozen copies of the models
            continue
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(path)
    assert {name: paths for name, paths in places.items() if len(paths) > 1} == {}


@pytest.mark.parametrize("package", [*PACKAGES, "bench", "docs", "tests"])
def test_docstrings_begin_with_what_a_thing_is_or_does(package: str) -> None:
    riddles = [
        f"{path}: {docstring.splitlines()[0]}"
        for path, tree in trees((package,)).items()
        for docstring in docstrings(tree)
        if docstring.strip().split(" ", 1)[0] in OPENINGS
    ]
    assert riddles == []


def docstrings(tree: ast.Module) -> Iterator[str]:
    """The docstrings of a module, its classes and functions, and those below its constants."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | Definition):
            yield ast.get_docstring(node) or ""
            for member in node.body[1:]:
                if isinstance(member, ast.Expr) and isinstance(member.value, ast.Constant):
                    yield str(member.value.value)


def kinds_of_screens() -> Iterator[type]:
    """The app, and every screen."""
    for module in pkgutil.walk_packages(tui.__path__, "tui."):
        for kind in vars(import_module(module.name)).values():
            is_screen = isinstance(kind, type) and issubclass(kind, App | Screen)
            if is_screen and kind.__module__ == module.name:
                yield kind


@pytest.mark.parametrize("kind", kinds_of_screens(), ids=lambda kind: kind.__name__)
def test_a_screen_has_at_most_four_ancestors(kind: type) -> None:
    ours = [base.__name__ for base in kind.__mro__[1:] if base.__module__.startswith("tui.")]
    assert len(ours) <= MOST_ANCESTORS, f"{kind.__name__} inherits from {', '.join(ours)}"
