"""Admin › Audit: the list of changes, and one change whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Static

from domain.actors import Actor
from domain.filters import OF_CHANGES, FilterReader, Terms
from domain.safe import safe
from domain.wording import detail_lines, detail_text, second_text
from store import audit
from store.records import AuditEntry
from tui.cells import Cell, Column, Row
from tui.key_names import key_of, keys_do
from tui.screens.lists import ListScreen
from tui.state.live_report import LiveReport
from tui.state.store_access import StoreAccess
from tui.widgets.filter_line import FilterLine
from tui.widgets.lines import StaticText
from tui.widgets.live_table import Key, LiveTable

COLUMNS = (
    Column("when", "When UTC", 14, sortable=False),
    Column("who", "Who", 12, sortable=False),
    Column("from", "From", 15, from_width=98, sortable=False),
    Column("action", "Action", 16, sortable=False),
    Column("webhook", "Webhook", 7, right=True, sortable=False),
    Column("what", "What", 0, sortable=False),
)
LONGEST = 2_000


def who_of(change: AuditEntry) -> str:
    """Return who made the change, and from where."""
    return Actor(change.user, change.login, change.address).text


def change_line(change: AuditEntry) -> str:
    """Return a change in one line, for the Administration panel."""
    detail = detail_text(change.detail)
    what = f"{change.action} {detail}".rstrip()
    of = "" if change.webhook_id is None else f"webhook {change.webhook_id}: "
    return f"by {who_of(change)}: {of}{what}"


def row_of(change: AuditEntry) -> Row:
    """Return the row of a change."""
    return (
        Cell(_month_to_second(change.at_ms), "dim"),
        Cell(change.login or change.user),
        Cell(change.address or "", "dim"),
        Cell(change.action),
        Cell("" if change.webhook_id is None else str(change.webhook_id), "dim"),
        Cell(detail_text(change.detail)),
    )


def facts_of(change: AuditEntry) -> Text:
    """Return the facts of a change, for the lines below the list."""
    head = " · ".join(value for _, value in _heads(change))
    detail = detail_text(change.detail)
    return Text(safe(f"{head} · {detail}" if detail else head, LONGEST))


def full_text(change: AuditEntry) -> Text:
    """Return all of a change: time, author, webhook, and the values before and after."""
    text = Text()
    for name, value in _heads(change):
        text.append(f"{name:<8} ", style="bold")
        text.append(f"{safe(value, LONGEST)}\n")
    for line in detail_lines(change.detail):
        text.append(f"\n{safe(line, LONGEST)}")
    return text


def _heads(change: AuditEntry) -> list[tuple[str, str]]:
    of = [] if change.webhook_id is None else [("webhook", f"webhook {change.webhook_id}")]
    when = second_text(change.at_ms) or ""
    return [("when", when), ("who", who_of(change)), ("action", change.action), *of]


def _month_to_second(time_ms: int) -> str:
    """Return a time without its year, like "11-24 09:58:31"."""
    return (second_text(time_ms) or "")[5:19].replace("T", " ")


class ChangeScreen(ModalScreen[None]):
    """One change: time, author, action, and each changed value on a line of its own."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,escape,enter", "dismiss(None)", "close", id="change.close"),
    ]

    def __init__(self, change: AuditEntry) -> None:
        super().__init__()
        self._change = change

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog"):
            yield Static(full_text(self._change))

    def on_mount(self) -> None:
        dialog = self.query_one(VerticalScroll)
        dialog.border_subtitle = keys_do((key_of(self, "change.close"), "closes"))
        dialog.focus()


KEPT = 1_000
"""Most changes whose details are kept in memory."""

PAGE = 100
"""Rows that are read before they are shown."""

SHOWN = 40
NONE_FOUND = "No change matches.\n\nWithout the filter all of them are shown again."


class AuditScreen(ListScreen):
    """List of changes, newest first; it follows the newest while the cursor is on the top row."""

    CRUMBS = "Audit"
    UNDER = "Admin"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "slash",
            "filter",
            "filter",
            key_display="/",
            id="audit.filter",
            tooltip="only the changes with a text, of one webhook, or since a time",
        ),
    ]

    def __init__(self, access: StoreAccess, live: LiveReport) -> None:
        super().__init__(access, live)
        self._terms = self.NO_FILTER
        self._filter = ""
        self._seen: tuple[int, Terms, str] | None = None
        self._changes: dict[int, AuditEntry] = {}

    def body(self) -> Iterable[Widget]:
        with Vertical(classes="panel", id="changes-panel"):
            yield LiveTable(COLUMNS, id="changes")
            yield Static(Text(NONE_FOUND), id="no-changes", classes="empty")
            yield FilterLine(("text", "!text", *OF_CHANGES), id="changes-filter")
        yield StaticText(id="change-facts")

    def on_mount(self) -> None:
        self.query_one("#no-changes").display = False

    async def read_store(self) -> None:
        """Search anew if changes were added or the filter is another one."""
        total = await self.access.read(audit.count)
        seen = (total, self._terms, self._filter)
        if seen == self._seen:
            return
        keys = await self.access.read(audit.ids, self._terms)
        await self.read_rows([key for key in keys[:PAGE] if key not in self._changes])
        self._seen = seen
        self.table.set_keys(keys, to_top=self.table.at_top)
        nothing_found = bool(self._terms) and not keys
        self.show_table(not nothing_found)
        self.query_one("#no-changes").display = nothing_found
        found = f"{len(keys):,} of {total:,} ── {safe(self._filter, SHOWN)}"
        title = found if self._filter else f"{total:,}"
        self.query_one("#changes-panel").border_title = Content(f"Audit ── {title}")
        self._show_facts()

    async def read_rows(self, keys: Sequence[Key]) -> None:
        ids = [key for key in keys if isinstance(key, int)]
        changes = await self.access.read(audit.load, ids)
        if len(self._changes) > KEPT:
            self._changes.clear()
        self._changes |= {change.id: change for change in changes}
        self.table.put_rows({change.id: row_of(change) for change in changes})
        self._show_facts()

    async def read_filter(self, text: str) -> Terms:
        names = await self.access.read(audit.webhook_names)
        return FilterReader(names, self.access.now_ms(), OF_CHANGES).read(text)

    def filter_by(self, wanted: Terms, text: str) -> None:
        self._terms, self._filter = wanted, text
        self.read_soon()

    @on(LiveTable.Moved)
    async def _moved(self) -> None:
        await self._know(self.table.cursor)
        self._show_facts()

    async def _know(self, key: object) -> None:
        """Read a change anew that is no longer kept in memory although its row is drawn."""
        if isinstance(key, int) and key not in self._changes:
            for change in await self.access.read(audit.load, [key]):
                self._changes[key] = change

    def _selected(self) -> AuditEntry | None:
        cursor = self.table.cursor
        return self._changes.get(cursor) if isinstance(cursor, int) else None

    def _show_facts(self) -> None:
        change = self._selected()
        self.query_one("#change-facts", StaticText).show_text(
            facts_of(change) if change else Text("")
        )

    @on(LiveTable.Chosen)
    def _chosen(self) -> None:
        change = self._selected()
        if change is not None:
            self.app.push_screen(ChangeScreen(change))
