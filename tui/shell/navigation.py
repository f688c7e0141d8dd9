"""The ways between the sections, and to screens of Admin from anywhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.screen import Screen

from tui.screens.base import TocsinScreen
from tui.sections import PANEL, SECTIONS, base_screen
from tui.state.live_report import LiveReport
from tui.state.store_access import StoreAccess
from tui.widgets.notices import NoticeApp


class NavigatingApp(NoticeApp):
    """Goes from section to section; each is found as it was left."""

    DEFAULT_MODE = SECTIONS[0].name
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(one.key, f"section('{one.name}')", one.title, show=False, id=one.id)
        for one in SECTIONS
    ]

    def __init__(self, access: StoreAccess, live: LiveReport) -> None:
        super().__init__()
        self.live = live
        self._access = access
        self._modes_left: dict[str, str] = {}

    def get_default_screen(self) -> Screen[Any]:
        """What the app opens with; Textual would parse all styles anew for that of a mode."""
        return base_screen(SECTIONS[0], self._access, self.live)

    def add_sections(self) -> None:
        """Say how each section begins."""
        for section in (*SECTIONS, PANEL):
            self.add_mode(section.name, partial(base_screen, section, self._access, self.live))

    async def leave_for(self, arrive: Callable[[], Awaitable[None]]) -> None:
        """Go elsewhere, unless the admin stays with what the screen that is seen would lose."""
        if isinstance(self.screen, TocsinScreen):
            await self.screen.leave_for(arrive)
        else:
            await arrive()

    async def action_section(self, name: str) -> None:
        """Go to a section, where it was left; within it, to the screen that it begins with."""
        is_here = self.current_mode == self._modes_left.get(name, name)
        arrive = self._go_to_first if is_here else partial(self.open_section, name)
        await self.leave_for(arrive)

    async def _go_to_first(self) -> None:
        while len(self.screen_stack) > 1:
            await self.pop_screen()

    async def open_section(self, name: str) -> None:
        """Show a section, where it was left."""
        await self.switch_mode(self._modes_left.get(name, name))
        if isinstance(self.screen, TocsinScreen):
            self.screen.paint()

    async def open(self, kind: Callable[[StoreAccess, LiveReport], TocsinScreen]) -> None:
        """Show a screen above the one that is seen."""
        await self.push_screen(kind(self._access, self.live))

    async def action_panel(self) -> None:
        """Go from the screen that the app opened with to the panel that leads to all of Admin."""
        self._modes_left[SECTIONS[0].name] = PANEL.name
        await self.open_section(SECTIONS[0].name)
