"""Sections that the number keys lead to, and their first screens; apart since all folders use it.

A screen's module is loaded when its section is first opened: the first paint waits for none but
the first.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import msgspec
from textual.screen import Screen

from tui.state.live_report import LiveReport
from tui.state.store_access import StoreAccess


class Section(msgspec.Struct, frozen=True):
    """A section: its key, its name, and its first screen as "module:class"."""

    key: str
    name: str
    title: str
    screen: str

    @property
    def id(self) -> str:
        """The id of its binding in the configuration."""
        return f"section.{self.name}"


SECTIONS = (
    Section("1", "admin", "Admin", "tui.webhooks.screen:WebhooksScreen"),
    Section("2", "deliveries", "Deliveries", "tui.deliveries.screen:DeliveriesScreen"),
    Section("3", "events", "Events", "tui.events.screen:EventsScreen"),
)

PANEL = Section("", "panel", "Admin", "tui.admin.panel:AdministrationScreen")
"""The panel of Admin, below the first screen; it is made when somebody goes back to it."""


SOURCES_SCREEN = "tui.sources.screen:SourcesScreen"
ALERTS_SCREEN = "tui.admin.alerts:AlertsScreen"
DELIVERIES_SCREEN = SECTIONS[1].screen


def load_screen(path: str) -> Any:
    """Return the class of the screen at "module:class", and load its module if need be."""
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)


def base_screen(section: Section, access: StoreAccess, live: LiveReport) -> Screen[Any]:
    """Return the first screen of a section."""
    screen: Screen[Any] = load_screen(section.screen)(access, live)
    return screen
