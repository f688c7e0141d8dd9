"""Admin: the parts of the administration, each with its state in one line."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
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
from tui.screens.dialogs import ConfirmScreen
from tui.sources.hosts import switch_wireguard, wireguard_question
from tui.sources.screen import SourcesScreen
from tui.sources.summary import host_source
from tui.state.store_access import Refused
from tui.webhooks.screen import WebhooksScreen
from tui.widgets.lines import Facts
from tui.widgets.live_table import LiveTable

LONGEST_FACT = 600
ROOM_FOR_FACTS = 18
"""Lines of a terminal from which the facts of a part have room beside the problems."""


class AdministrationScreen(TocsinScreen):
    """Table of the parts of the administration, from which each is opened."""

    CRUMBS = "Admin"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("b", "webhooks", "webhooks", id="admin.webhooks", tooltip="who is sent what"),
        Binding(
            "o",
            "sources",
            "sources",
            id="admin.sources",
            tooltip="where events come from, and how each source does; adding hosts",
        ),
        Binding(
            "l",
            "alerts",
            "alerts",
            id="admin.alerts",
            tooltip="which kinds of alerts are raised, and from what numbers on",
        ),
        Binding(
            "w",
            "wireguard",
            "WireGuard",
            id="admin.wireguard",
            tooltip="watch this host's WireGuard, or watch it no more; asks first",
        ),
        Binding(
            "s",
            "settings",
            "settings",
            id="admin.settings",
            tooltip="who sends, pausing it all, intervals, limits, retention, colours",
        ),
        Binding("a", "audit", "audit", id="admin.audit", tooltip="who changed what, and when"),
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

    @property
    def table(self) -> LiveTable:
        """The table of the parts."""
        return self.query_one("#parts", LiveTable)

    def body(self) -> Iterable[Widget]:
        with Vertical(classes="panel", id="parts-panel"):
            yield LiveTable(COLUMNS, id="parts")
        yield Facts(id="part-facts")
        with VerticalScroll(classes="panel", id="problems-panel"):
            yield Facts(id="problems", classes="")

    def on_mount(self) -> None:
        self.query_one("#parts-panel").border_title = "Administration"
        self.query_one("#problems-panel").border_title = "What is wrong"
        self.table.set_keys(parts.PARTS)
        self.table.focus()
        self.show()

    def show(self) -> None:
        self.tick()
        self._read_parts()

    def tick(self) -> None:
        """Paint the ages and countdowns."""
        seen = self._seen()
        self._show_facts_where_there_is_room()
        if seen is not None:
            self.table.put_rows(rows_of(seen))
            fact = facts_of(str(self.table.cursor), seen)
            self.query_one("#part-facts", Facts).show_text(Text(safe(fact, LONGEST_FACT)))
            self.query_one("#problems", Facts).show_text(
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

    @on(LiveTable.Moved)
    def _moved(self) -> None:
        self.tick()

    @on(LiveTable.Chosen)
    def _chosen(self) -> None:
        self._open()

    def _open(self) -> None:
        actions: dict[object, Callable[[], None]] = {
            parts.WEBHOOKS: self.action_webhooks,
            parts.SOURCES: self.action_sources,
            parts.WIREGUARD: self.action_wireguard,
            parts.ALERTS: self.action_alerts,
            parts.WORKER: self.action_settings,
            parts.AUDIT: self.action_audit,
        }
        actions[self.table.cursor]()

    def action_webhooks(self) -> None:
        """Open the list of webhooks."""
        self.app.push_screen(WebhooksScreen(self.access, self.live))

    def action_sources(self) -> None:
        """Open the list of sources."""
        self.app.push_screen(SourcesScreen(self.access, self.live))

    def action_alerts(self) -> None:
        """Open the kinds of alerts."""
        self.app.push_screen(AlertsScreen(self.access, self.live))

    def action_settings(self) -> None:
        """Open the worker and the settings."""
        self.app.push_screen(SettingsScreen(self.access, self.live))

    def action_audit(self) -> None:
        """Open the audit trail."""
        self.app.push_screen(AuditScreen(self.access, self.live))

    def action_wireguard(self) -> None:
        """Ask whether to watch this host's WireGuard, or to stop that."""
        report = self.live.report
        if report is None:
            return
        source = host_source(report.overview)
        change = partial(switch_wireguard, self.access, report.settings, source)
        self.app.push_screen(
            ConfirmScreen(wireguard_question(source)), lambda yes: self._switch(change, yes)
        )

    def _switch(self, change: Callable[[], Awaitable[str]], yes: bool | None) -> None:
        if yes:
            self.run_in_app(self._carry_out_switch(change()))

    async def _carry_out_switch(self, change: Awaitable[str]) -> None:
        notice = await self.carry_out(self._keep_refusal(change))
        if notice is not None:
            self.show_notice(notice)

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
