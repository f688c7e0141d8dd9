"""Panels that are painted once when they open, and not for each part that takes its place.

The part of Textual that this is built on is private: one without it paints by and by.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from textual.reactive import Reactive
from textual.screen import ModalScreen, Screen
from textual.widget import Widget

from tui.compositors import new_compositor
from tui.first_paint import lay_out

T = TypeVar("T")


class VeiledScreen(ModalScreen[T], Generic[T]):
    """A panel that is painted when its parts have taken in their sizes."""

    focused: Reactive[Widget | None] = Reactive(None, repaint=False)
    _is_veiled = hasattr(Screen, "_compositor_refresh")

    def __init__(self) -> None:
        super().__init__()
        self._compositor = new_compositor(_nobody)

    def _on_mount(self) -> None:  # type: ignore[override]
        if self._is_veiled:
            self._after_parts(self._place_parts)

    def _place_parts(self) -> None:
        lay_out(self)
        self._after_parts(self._unveil)

    def _unveil(self) -> None:
        lay_out(self)
        self._is_veiled = False
        self._repaint_required = False
        self._compositor_refresh()

    def _after_parts(self, then: Callable[[], None]) -> None:
        """The parts take in what they were told before the app comes to what it is told now."""
        self.call_later(self.app.call_later, then)

    def _compositor_refresh(self) -> None:
        if not self._is_veiled:
            super()._compositor_refresh()


def _nobody(_count: int) -> None:
    """What a key opens is not held against what moves by itself."""
