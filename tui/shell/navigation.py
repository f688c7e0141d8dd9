"""Navigation between the sections, and to screens of Admin from anywhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from textual.app import App
from textual.binding import Binding, BindingType
from textual.screen import Screen

from tui.screens.base import TocsinScreen
from tui.sections import PANEL, SECTIONS, base_screen
from tui.state.live_report import LiveReport
from tui.state.store_access import StoreAccess

SECTION_KEYS: list[BindingType] = [
    Binding(section.key, f"section('{section.name}')", section.title, show=False, id=section.id)
    for section in SECTIONS
]


class Navigation:
    """Ways of an app from section to section; each is found as it was left."""

    def __init__(self, app: App[int], access: StoreAccess, live: LiveReport) -> None:
        self.app = app
        self._access = access
        self._live = live
        self._modes_left: dict[str, str] = {}

    def first_screen(self) -> Screen[Any]:
        """Return the screen that the app opens with."""
        return base_screen(SECTIONS[0], self._access, self._live)

    def add_sections(self) -> None:
        """Give the app the first screen of each section."""
        for section in (*SECTIONS, PANEL):
            self.app.add_mode(section.name, partial(base_screen, section, self._access, self._live))

    async def leave_for(self, arrive: Callable[[], Awaitable[None]]) -> None:
        """Go elsewhere, unless the admin stays with the text that the screen would lose."""
        if isinstance(self.app.screen, TocsinScreen):
            await self.app.screen.leave_for(arrive)
        else:
            await arrive()

    async def go_to(self, section: str) -> None:
        """Go to a section as it was left; within it, to its first screen."""
        is_here = self.app.current_mode == self._modes_left.get(section, section)
        await self.leave_for(self._go_to_first if is_here else partial(self.open_section, section))

    async def _go_to_first(self) -> None:
        while len(self.app.screen_stack) > 1:
            await self.app.pop_screen()

    async def open_section(self, name: str) -> None:
        """Show a section as it was left."""
        await self.app.switch_mode(self._modes_left.get(name, name))
        if isinstance(self.app.screen, TocsinScreen):
            self.app.screen.paint()

    async def open(self, kind: Callable[[StoreAccess, LiveReport], TocsinScreen]) -> None:
        """Show a screen above the present one."""
        await self.app.push_screen(kind(self._access, self._live))

    async def open_panel(self) -> None:
        """Go from the first screen to the panel that leads to all of Admin."""
        self._modes_left[SECTIONS[0].name] = PANEL.name
        await self.open_section(SECTIONS[0].name)
