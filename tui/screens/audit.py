"""Admin › Audit: who changed what, when and from where, newest first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input

from domain.safe import safe
from store import audit_listing, webhooks
from store.records import Change
from tui.change_rows import COLUMNS, facts_of, row_of
from tui.desk import Desk, Refused
from tui.live import Live
from tui.screens.base import TocsinScreen
from tui.screens.change import ChangeScreen
from tui.widgets.facts import Facts
from tui.widgets.live_table import LiveTable
from tui.widgets.search_box import SearchBox

KEPT = 1_000
"""Changes whose details are remembered at most."""

LONGEST_NUMBER = 18


class AuditScreen(TocsinScreen):
    """The list goes on with the newest line until the cursor is moved from the top row."""

    CRUMBS = "Admin › Audit"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "slash",
            "filter",
            "of one webhook",
            key_display="/",
            id="audit.filter",
            tooltip="only the changes of one webhook, by its name or number",
        ),
    ]

    def __init__(self, desk: Desk, live: Live, *, webhook_id: int | None = None) -> None:
        super().__init__(desk, live)
        self._webhook_id = webhook_id
        self._changes: dict[int, Change] = {}

    @property
    def table(self) -> LiveTable:
        """The list."""
        return self.query_one("#changes", LiveTable)

    @property
    def _box(self) -> Input:
        return self.query_one("#changes-filter", Input)

    def body(self) -> Iterable[Widget]:
        with Vertical(classes="panel", id="changes-panel"):
            yield LiveTable(COLUMNS, id="changes")
            yield SearchBox("name or number of a webhook; empty for all", id="changes-filter")
        yield Facts(id="change-facts")

    def on_mount(self) -> None:
        self.table.focus()
        self.show()

    def show(self) -> None:
        self._look()

    def tick(self) -> None:
        """Nothing here changes with the clock alone."""

    @work(exclusive=True, group="look", exit_on_error=False)
    async def _look(self) -> None:
        try:
            keys = await self.desk.read(audit_listing.ids, self._webhook_id)
        except Refused:
            return  # the first line says it
        on_top = self.table.at_top
        self.table.set_keys(keys)
        if on_top:
            self.table.action_edge(-1)
        of = "" if self._webhook_id is None else f" of webhook {self._webhook_id}"
        self.query_one("#changes-panel").border_title = Content(f"Audit{of} ── {len(keys):,}")
        self._show_facts()

    @on(LiveTable.Wanted)
    def _wanted(self, message: LiveTable.Wanted) -> None:
        self._fill([key for key in message.keys if isinstance(key, int)])

    @work(exclusive=True, group="rows", exit_on_error=False)
    async def _fill(self, ids: list[int]) -> None:
        try:
            changes = await self.desk.read(audit_listing.some, ids)
        except Refused:
            return  # the first line says it
        if len(self._changes) > KEPT:
            self._changes.clear()
        self._changes |= {change.id: change for change in changes}
        self.table.put_rows({change.id: row_of(change) for change in changes})
        self._show_facts()

    @on(LiveTable.Moved)
    async def _moved(self) -> None:
        await self._know(self.table.cursor)
        self._show_facts()

    async def _know(self, key: object) -> None:
        """A row that is still drawn may have been forgotten here."""
        if isinstance(key, int) and key not in self._changes:
            for change in await self.desk.read(audit_listing.some, [key]):
                self._changes[key] = change

    def _selected(self) -> Change | None:
        cursor = self.table.cursor
        return self._changes.get(cursor) if isinstance(cursor, int) else None

    def _show_facts(self) -> None:
        change = self._selected()
        if change is not None:
            self.query_one(Facts).tell(facts_of(change))

    @on(LiveTable.Chosen)
    def _chosen(self) -> None:
        change = self._selected()
        if change is not None:
            self.app.push_screen(ChangeScreen(change))

    def action_filter(self) -> None:
        """Open the box for the webhook."""
        self._box.display = True
        self.set_focus(self._box)  # at once: what is typed next belongs there

    def action_back(self) -> None:
        """Take the filter away first, then leave."""
        if not self._box.display:
            super().action_back()
            return
        self._box.value = ""
        self._box.display = False
        self.table.focus()
        self._take_filter(None)

    @on(Input.Submitted, "#changes-filter")
    async def _filter_entered(self, event: Input.Submitted) -> None:
        webhook_id: int | None = None
        if event.value.strip():
            webhook_id = await self._webhook_named(event.value.strip())
            if webhook_id is None:
                return
        self._take_filter(webhook_id)
        self.table.focus()

    def _take_filter(self, webhook_id: int | None) -> None:
        self._webhook_id = webhook_id
        self._look()

    async def _webhook_named(self, name: str) -> int | None:
        """A number is taken as it is, since the trail outlives its webhooks."""
        if name.isascii() and name.isdecimal() and len(name) <= LONGEST_NUMBER:
            return int(name)
        try:
            return await self.desk.read(webhooks.resolve, name, deleted=True)
        except Refused as refused:
            self.tell(safe(str(refused)), bad=True)
            return None
