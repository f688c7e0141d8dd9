"""Rules of the house: how the code is laid out, held by tests."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module

import pytest
from textual.app import App
from textual.screen import Screen

import tui

MOST_ANCESTORS = 4


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
