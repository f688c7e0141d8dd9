"""How much of the mouse the terminal is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.app import App

if TYPE_CHECKING:
    from textual.driver import Driver

OFF, CLICKS = "off", "clicks"
EVERY_MOVE, DRAGS = "\x1b[?1003", "\x1b[?1002"


def hears_mouse(app: App[Any], mode: str) -> bool:
    """Whether the app is to be run with the mouse; of clicks alone, its driver is told."""
    if mode == CLICKS:
        app.driver_class = _without_moves(app.driver_class)
    return mode != OFF


def _without_moves(driver: type[Driver]) -> type[Driver]:
    """A driver that asks for moves only while a button is down: each other one costs bytes."""

    class ClickDriver(driver):  # type: ignore[misc, valid-type]  # the base depends on the platform
        def write(self, data: str) -> None:
            super().write(data.replace(EVERY_MOVE, DRAGS))

    return ClickDriver
