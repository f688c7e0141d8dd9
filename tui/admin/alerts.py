"""Admin › Alerts: the kinds of alerts, each switched on or off and tuned here."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.widget import Widget

from domain.alert_kinds import ACTIVE, BY_NAME, KINDS, AlertKind
from store import alert_settings
from store.alert_settings import OptionsChange
from tui.admin.alert_rows import (
    COLUMNS,
    GeoCoverage,
    Given,
    facts_of,
    is_on,
    read_coverage,
    row_of,
    title_of,
)
from tui.cells import Row
from tui.key_names import and_key, key_of
from tui.screens.lists import ReadingScreen
from tui.screens.option_form import Form, FormField, OptionFormScreen
from tui.widgets.lines import StaticText
from tui.widgets.live_table import LiveTable
from tui.widgets.panel import Panel

Edited = tuple[AlertKind, Mapping[str, str], Mapping[str, str]]
"""A kind, its options before an edit, and its options now."""


class AlertsScreen(ReadingScreen):
    """The kinds in the order of their table; their options are kept in the store."""

    takes_keys = True
    CRUMBS = "Alerts"
    UNDER = "Admin"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "space",
            "switch",
            "on/off",
            priority=True,
            id="alerts.switch",
            tooltip="raise alerts of this kind, or none any more",
        ),
        Binding("e", "edit", "tune", id="alerts.edit", tooltip="change its danger and numbers"),
        Binding(
            "x,delete",
            "reset",
            "default",
            id="alerts.reset",
            tooltip="let the defaults of this kind hold again",
        ),
        Binding("u", "undo", "undo", id="alerts.undo", tooltip="take back the last change here"),
    ]

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._given: Given = {}
        self._coverage: GeoCoverage | None = None
        self._undos = self.live.undos.alerts
        self._offered = (False, False)

    def body(self) -> Iterable[Widget]:
        with Panel(id="alerts-panel"):
            yield LiveTable(COLUMNS, id="alerts")
        yield StaticText(id="alert-facts")

    def on_mount(self) -> None:
        self.table.set_keys([kind.name for kind in KINDS])
        self.table.focus()
        self.show()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer no key that has nothing to work on."""
        if action == "undo":
            return bool(self._undos) or self.access.change_queue.under_way
        if action == "reset":
            return bool(self._set_for(self._selected)) or self.access.change_queue.under_way
        return super().check_action(action, parameters)

    @property
    def _selected(self) -> AlertKind:
        return BY_NAME.get(str(self.table.cursor), KINDS[0])

    def _set_for(self, kind: AlertKind) -> Mapping[str, str]:
        return self._given.get(kind.name, {})

    async def read_store(self) -> None:
        self._given = await self.access.read(alert_settings.load_all)
        self._paint()
        report = self.live.report
        if report is not None:  # files of many megabytes may have to be read
            self._coverage = await asyncio.to_thread(
                read_coverage, report.settings.geo_db, report.now_ms
            )
            self._paint()

    def _paint(self) -> None:
        rows: dict[object, Row] = {
            kind.name: row_of(kind, self._given, self._coverage) for kind in KINDS
        }
        self.table.put_rows(rows)
        title = title_of(self._given, self._coverage)
        self.query_one("#alerts-panel", Panel).show_title(title)
        self._show_facts()

    @on(LiveTable.Moved)
    def _show_facts(self) -> None:
        facts = facts_of(self._selected, self._given, self._coverage)
        self.query_one("#alert-facts", StaticText).show_text(facts)
        offered = (bool(self._set_for(self._selected)), bool(self._undos))
        if offered != self._offered:
            self._offered = offered
            self.refresh_bindings()

    def action_switch(self) -> None:
        """Switch the selected kind on or off."""
        self.queue_change(self._switch, self._selected)

    async def _switch(self, kind: AlertKind) -> None:
        self._given = await self.access.read(alert_settings.load_all)
        word = "off" if is_on(kind, self._given) else "on"
        moved = await self.carry_out(self._change(kind, {ACTIVE: word}))
        if moved is not None:
            self._kept((kind, *moved), f"{kind.name} is {word}")

    def action_reset(self) -> None:
        """Let the defaults of the selected kind hold again."""
        self.queue_change(self._reset, self._selected)

    async def _reset(self, kind: AlertKind) -> None:
        moved = await self.carry_out(self.access.change(alert_settings.replace, kind.name, {}))
        if moved is not None:
            self._kept((kind, *moved), f"the defaults of {kind.name} hold again")

    @on(LiveTable.Chosen)
    def action_edit(self) -> None:
        """Open the form of the selected kind."""
        if self.refuses_changes():
            return
        kind, shown = self._selected, self._set_for(self._selected)
        fields = [
            FormField(option, shown.get(option.name, option.text)) for option in kind.defaults
        ]
        at_first = {field.name: field.text for field in fields}

        async def save(given: Mapping[str, str]) -> Edited:
            changes = {name: text for name, text in given.items() if text != at_first[name]}
            return kind, *await self._change(kind, changes)

        form = Form(
            crumb=kind.name,
            title=f"Tune {kind.name}",
            about=f"{kind.about}{f'; needs {kind.needs}' if kind.needs else ''}",
            fields=fields,
            save=save,
        )
        self.app.push_screen(OptionFormScreen(self.access, self.live, form), self._edited)

    def _edited(self, edited: Edited | None) -> None:
        if edited is not None:
            self._kept(edited, f"{edited[0].name} is saved")

    async def _change(self, kind: AlertKind, changes: Mapping[str, str]) -> OptionsChange:
        """Set these options; options that somebody else set meanwhile stay. Raises Refused."""
        [moved] = await self.access.change(alert_settings.edit, [kind.name], changes)
        return moved

    def _kept(self, edited: Edited, done: str) -> None:
        kind, before, after = edited
        if before == after:
            self.show_notice("nothing was changed")
            return
        self._undos.push(done, lambda: self._change_back(kind, before, after))
        self.show_notice(and_key(done, key_of(self, "alerts.undo"), "undoes it"))
        if self.is_running:
            self.read_soon()

    async def _change_back(
        self, kind: AlertKind, before: Mapping[str, str], ours: Mapping[str, str]
    ) -> str:
        """Undo a change, unless somebody else made one after it. Raises Refused."""
        replace = partial(alert_settings.replace, expected=ours)
        await self.access.change(replace, kind.name, before)
        return ""

    def action_undo(self) -> None:
        """Take back the last change made here."""
        self.queue_change(self.undo_newest, self._undos)
