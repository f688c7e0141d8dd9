"""Admin: the parts of the administration, each with its state in one line."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from functools import partial
from typing import Any, ClassVar

from rich.text import Text
from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.widget import Widget

from domain.safe import safe
from store import alert_settings, audit
from store.records import AuditEntry
from tui.admin import panel_rows as parts
from tui.admin.alert_rows import GeoCoverage, Given, read_coverage
from tui.admin.alerts import AlertsScreen
from tui.admin.audit import AuditScreen
from tui.admin.panel_rows import COLUMNS, PanelState, facts_of, problems_of, rows_of
from tui.admin.settings import SettingsScreen
from tui.key_names import and_key, key_of
from tui.screens.base import TocsinScreen
from tui.sources.hosts import ask_about_wireguard
from tui.sources.screen import SourcesScreen
from tui.state.store_access import Refused
from tui.webhooks.screen import WebhooksScreen
from tui.widgets.lines import StaticText
from tui.widgets.live_table import LiveTable

LONGEST_FACT = 600
ROOM_FOR_FACTS = 18
"""Lines of a terminal from which the facts of a part have room beside the problems."""


SCREENS: dict[str, type[TocsinScreen]] = {
    parts.WEBHOOKS: WebhooksScreen,
    parts.SOURCES: SourcesScreen,
    parts.ALERTS: AlertsScreen,
    parts.WORKER: SettingsScreen,
    parts.AUDIT: AuditScreen,
}


class AdministrationScreen(TocsinScreen):
    """Table of the parts of the administration, from which each is opened."""

    CRUMBS = "Admin"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "b", "open('webhooks')", "webhooks", id="admin.webhooks", tooltip="who is sent what"
        ),
        Binding(
            "o",
            "open('sources')",
            "sources",
            id="admin.sources",
            tooltip="where events come from, and how each source does; adding hosts",
        ),
        Binding(
            "l",
            "open('alerts')",
            "alerts",
            id="admin.alerts",
            tooltip="which kinds of alerts are raised, and from what numbers on",
        ),
        Binding(
            "w",
            "open('wireguard')",
            "WireGuard",
            id="admin.wireguard",
            tooltip="watch this host's WireGuard, or watch it no more; asks first",
        ),
        Binding(
            "s",
            "open('worker')",
            "settings",
            id="admin.settings",
            tooltip="who sends, pausing it all, intervals, limits, retention, colours",
        ),
        Binding(
            "a", "open('audit')", "audit", id="admin.audit", tooltip="who changed what, and when"
        ),
        Binding(
            "tab",
            "pane",
            "what is wrong",
            show=False,
            id="admin.pane",
            tooltip="from the parts to what is wrong, to scroll in it, or back",
        ),
    ]

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._newest: AuditEntry | None = None
        self._alerts: Given | None = None
        self._coverage: GeoCoverage | None = None
        self._refused: str | None = None
        self._overflows = False

    def body(self) -> Iterable[Widget]:
        with Vertical(classes="panel", id="parts-panel"):
            yield LiveTable(COLUMNS, id="parts")
        yield StaticText(id="part-facts")
        with VerticalScroll(classes="panel", id="problems-panel"):
            yield StaticText(id="problems", classes="")

    def on_mount(self) -> None:
        self.query_one("#parts-panel").border_title = "Administration"
        self.query_one("#problems-panel").border_title = "What is wrong"
        self.table.set_keys(parts.PARTS)
        self.table.focus()
        self.show()

    def show(self) -> None:
        self.tick()
        self._read_parts()

    @on(LiveTable.Moved)
    def tick(self) -> None:
        """Paint the ages and countdowns."""
        seen = self._seen()
        self._show_facts_where_there_is_room()
        if seen is not None:
            self.table.put_rows(rows_of(seen))
            fact = facts_of(str(self.table.cursor), seen)
            self.query_one("#part-facts", StaticText).show_text(Text(safe(fact, LONGEST_FACT)))
            self.query_one("#problems", StaticText).show_text(
                problems_of(seen.report, self.live.worker_trouble, self.live.gone)
            )
            self.call_after_refresh(self._show_overflow)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer the way to the problems only if they do not fit."""
        return action != "pane" or self._overflows

    def on_resize(self) -> None:
        self._show_facts_where_there_is_room()
        self.call_after_refresh(self._show_overflow)

    def _show_facts_where_there_is_room(self) -> None:
        """Show the facts where there is room, or if they say why something was refused."""
        roomy = self.app.size.height >= ROOM_FOR_FACTS or self._refused is not None
        self.query_one("#part-facts").display = roomy

    def _show_overflow(self) -> None:
        overflows = self.query_one("#problems-panel").max_scroll_y > 0
        if overflows != self._overflows:
            self._overflows = overflows
            self.refresh_bindings()
            pane = key_of(self, "admin.pane") if overflows else ""
            title = and_key("What is wrong", pane, "goes there", " ── ")
            self.query_one("#problems-panel").border_title = title

    def action_pane(self) -> None:
        """Go from the parts to what is wrong, or back."""
        panel = self.query_one("#problems-panel")
        self.set_focus(self.table if panel.has_focus else panel)

    def _seen(self) -> PanelState | None:
        report = self.live.report
        if report is None:
            return None
        return PanelState(
            report,
            self.live.own_worker(),
            self.live.troubles,
            self._newest,
            self._alerts,
            self._coverage,
            self._refused,
            partial(key_of, self),
        )

    @work(exclusive=True, group="parts", exit_on_error=False)
    async def _read_parts(self) -> None:
        try:
            newest = await self.access.read(audit.changes, limit=1)
            self._alerts = await self.access.read(alert_settings.load_all)
        except Refused:
            return  # the first line says it
        self._newest = newest[0] if newest else None
        self.tick()
        report = self.live.report
        if report is not None:
            self._coverage = await asyncio.to_thread(
                read_coverage, report.settings.geo_db, report.now_ms
            )
            self.tick()

    @on(LiveTable.Chosen)
    def _chosen(self) -> None:
        self.action_open(str(self.table.cursor))

    def action_open(self, part: str) -> None:
        """Open the screen of a part, or ask about this host's WireGuard."""
        if part == parts.WIREGUARD:
            ask_about_wireguard(self, self._keep_refusal)
        else:
            self.app.push_screen(SCREENS[part](self.access, self.live))

    async def _keep_refusal(self, change: Awaitable[str]) -> str:
        """Keep a refusal on the panel, for longer than a notice: it names the cure."""
        self._refused = None
        try:
            return await change
        except Refused as refused:
            self._refused = str(refused)
            if self.is_running:
                self.table.move_to(parts.WIREGUARD)
            raise
        finally:
            if self.is_running:
                self.tick()
