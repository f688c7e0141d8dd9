"""The sections that the number keys lead to, and the screens that they begin with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from textual.screen import Screen

from tui.desk import Desk
from tui.live import Live
from tui.screens.administration import AdministrationScreen
from tui.screens.base import TocsinScreen
from tui.screens.deliveries import DeliveriesScreen
from tui.screens.events import EventsScreen
from tui.screens.webhooks import WebhooksScreen


@dataclass(frozen=True, slots=True)
class Section:
    """One section: its key, its name, and its first screen."""

    key: str
    name: str
    title: str
    screen: Callable[[Desk, Live], TocsinScreen]

    @property
    def id(self) -> str:
        """What its binding is called in the configuration."""
        return f"section.{self.name}"


SECTIONS = (
    Section("1", "admin", "Admin", AdministrationScreen),
    Section("2", "deliveries", "Deliveries", DeliveriesScreen),
    Section("3", "events", "Events", EventsScreen),
)


def base_screen(section: Section, desk: Desk, live: Live) -> Screen[Any]:
    """The screen at the bottom of a section."""
    return section.screen(desk, live)


def first_screens(desk: Desk, live: Live) -> list[TocsinScreen]:
    """What the app opens with, above the Administration panel."""
    return [WebhooksScreen(desk, live)]
