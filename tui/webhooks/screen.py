"""Admin › Webhooks: every webhook with its queue, its last result and its next attempt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual import events, on
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Static

from domain.safe import safe
from store.records import WebhookStatus
from tui.key_names import key_of
from tui.screens.lists import ListScreen
from tui.sections import ALERTS_SCREEN, DELIVERIES_SCREEN, SOURCES_SCREEN, load_screen
from tui.webhooks.actions import WebhookActions
from tui.webhooks.order import Sorting, WebhookOrder
from tui.webhooks.results import LastResults
from tui.webhooks.rows import COLUMNS, empty_list, facts_of, matches, row_of, title_of
from tui.widgets.filter_line import FilterLine
from tui.widgets.lines import FactLines
from tui.widgets.live_table import Key, LiveTable
from tui.widgets.panel import Panel
from tui.wording import Condition, steady_condition_of

if TYPE_CHECKING:
    from tui.webhook_form.saving import Saved  # nothing that the first screen waits for

WEBHOOK_KEYS: list[BindingType] = [
    Binding("a,plus", "add", "add", id="webhooks.add", tooltip="add a webhook"),
    Binding("e", "edit", "edit", id="webhooks.edit", tooltip="edit the selected webhook"),
    Binding(
        "p",
        "pause",
        "pause",
        id="webhooks.pause",
        tooltip="make the chosen ones inactive, or active again; nothing is lost meanwhile",
    ),
    Binding(
        "n,r",
        "send",
        "send now",
        id="webhooks.send",
        tooltip="what is queued or fails goes at once; several are asked about",
    ),
    Binding("t", "test", "test", id="webhooks.test", tooltip="send one marked test event"),
    Binding(
        "slash",
        "filter",
        "filter",
        key_display="/",
        id="webhooks.filter",
        tooltip="show rows that hold a text, or with ! before it those that do not",
    ),
    Binding(
        "x,delete",
        "delete",
        "delete",
        id="webhooks.delete",
        tooltip="delete the chosen ones; they can be brought back for ten minutes",
    ),
    Binding(
        "u",
        "undo",
        "undo",
        id="webhooks.undo",
        tooltip="take back the last delete, pause or edit of this session",
    ),
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
        "f",
        "faults",
        "faults",
        show=False,
        id="webhooks.faults",
        tooltip="show only those that fail or are blocked, or all again",
    ),
    Binding("s", "sort", "sort", show=False, id="webhooks.sort", tooltip="sort by the next column"),
    Binding("S", "invert", "invert the order", show=False, id="webhooks.invert"),
    Binding(
        "d",
        "duplicate",
        "duplicate",
        show=False,
        id="webhooks.duplicate",
        tooltip="add one for the same receiver and another type",
    ),
    Binding(
        "y",
        "copy",
        "copy URL",
        show=False,
        id="webhooks.copy",
        tooltip="copy the whole URL; is recorded",
    ),
]


FOR_A_ROW = {"edit", "pause", "send", "test", "delete", "duplicate", "copy"}
FOR_A_LIST = {"filter", "faults", "sort", "invert"}


class WebhooksScreen(ListScreen):
    """List of webhooks, with the reasons of the selected row below it."""

    CRUMBS = "Webhooks"
    UNDER = "Admin"
    NO_FILTER = ""
    takes_keys = True
    BINDINGS: ClassVar[list[BindingType]] = WEBHOOK_KEYS

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._order = WebhookOrder()
        self._only_faults = False
        self._sought = self.NO_FILTER
        self._offered = (True, True)
        self._ordered: dict[Key, WebhookStatus] = {}
        self._results = LastResults(self.access, self.in_background, self.show)
        # Textual looks up the action of a key by its name on the screen.
        self.actions = actions = WebhookActions(self)
        self.action_pause = actions.pause
        self.action_send = actions.send
        self.action_test = actions.test
        self.action_delete = actions.delete
        self.action_copy = actions.copy

    def body(self) -> Iterable[Widget]:
        with Panel(id="webhooks-panel"):
            yield LiveTable(COLUMNS, id="webhooks", markable=True)
            yield Static("", id="no-webhooks", classes="empty", markup=False)
            yield FilterLine(("text", "!text for those without"), id="webhooks-filter")
        yield FactLines(id="webhook-facts")

    def on_mount(self) -> None:
        self.table.set_sorted(self._order.sorting.column, self._order.sorting.descending)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer no key that has nothing to work on."""
        report = self.live.report
        if action in FOR_A_ROW:
            return self.table.cursor is not None
        if action in FOR_A_LIST:
            return report is not None and bool(report.overview.webhooks)
        if action == "undo":
            return bool(self.live.undos.webhooks) or self.check_action("filter", ())
        return super().check_action(action, parameters)

    @on(LiveTable.Marked)
    def show(self) -> None:
        self._show_rows()

    def _show_rows(self, *, by_admin: bool = False) -> None:
        """Show the rows as they are now; `by_admin` if the admin chose others than before."""
        report = self.live.report
        if report is None:
            self._show_trouble()
            return
        shown = [status for status in report.overview.webhooks if self._is_wanted(status)]
        ordered = self._order.of(shown, report, left_alone=self.live.is_idle)
        self._ordered = {status.webhook.id: status for status in ordered}
        self.table.set_keys([status.webhook.id for status in ordered], by_admin=by_admin)
        self.table.keep_marks(status.webhook.id for status in report.overview.webhooks)
        self._fill()
        self._show_frame(len(ordered), len(report.overview.webhooks))
        self._show_facts()
        self.actions.show_run_results()

    def tick(self) -> None:
        """Update ages and countdowns, and rows that were held in their places."""
        if self._order.is_held and self.live.is_idle:
            self._show_rows()
            return
        self._fill()
        self._show_facts()

    def _show_trouble(self) -> None:
        """Show the whole reason why nothing is known; the first line has no room for it."""
        self.show_table(False)
        self.query_one("#no-webhooks", Static).update(safe(self.live.trouble or "", 400))

    def _show_frame(self, shown: int, total: int) -> None:
        self._show_title(shown, total)
        self.show_table(total > 0)
        if self._offered != (shown > 0, total > 0):
            self._offered = (shown > 0, total > 0)
            self.refresh_bindings()
        empty = self.query_one("#no-webhooks", Static)
        empty.display = total == 0
        text = empty_list(partial(key_of, self))
        if not total and empty.content != text:
            empty.update(text)

    def _show_title(self, shown: int, total: int) -> None:
        title, offer = title_of(
            shown,
            total,
            only_faults=self._only_faults,
            marks=self.table.marked,
            keys=self.table.keys,
            key_of=self._key_now,
        )
        self.query_one("#webhooks-panel", Panel).show_title(title, offer)

    def _key_now(self, id_: str) -> str:
        """Return the key of an id; "" while every key is typed into the filter."""
        return "" if self.filter_line.box.has_focus else key_of(self, id_)

    @on(events.DescendantFocus)
    @on(events.DescendantBlur)
    def _keys_went_elsewhere(self) -> None:
        if self.live.report is not None:
            self._show_title(len(self._ordered), len(self.live.report.overview.webhooks))

    @on(LiveTable.Moved)
    def _show_facts(self) -> None:
        status, report = self.actions.selected(), self.live.report
        facts = self.query_one("#webhook-facts", FactLines)
        if status is None or report is None:
            facts.show_text(Text(""))
        else:
            facts.show_text(facts_of(status, report, self._results.of(status)))

    def _is_wanted(self, status: WebhookStatus) -> bool:
        faulty = steady_condition_of(status) <= Condition.FAILING
        if self._only_faults and not faulty:
            return False
        return not self._sought or matches(status, self._sought)

    async def read_filter(self, text: str) -> str:
        return text.strip() if text.strip(" !") else self.NO_FILTER

    def filter_by(self, wanted: str, text: str) -> None:
        self._sought = wanted
        self._show_rows(by_admin=True)

    def provide_rows(self, _keys: Sequence[Key]) -> None:
        self._fill()

    def _fill(self) -> None:
        """Make the rows in sight; all of a thousand, four times a second, would cost too much."""
        report = self.live.report
        if report is None:
            return
        of = self._results.of if self.table.shows("strip") else lambda _: ()
        near = [self._ordered[key] for key in self.table.near() if key in self._ordered]
        self.table.put_only(
            {status.webhook.id: row_of(status, report, of(status)) for status in near}
        )

    @on(LiveTable.SortRequested)
    def _sort_by_header(self, message: LiveTable.SortRequested) -> None:
        self._sort(self._order.sorting.clicked(message.column))

    def _sort(self, sorting: Sorting) -> None:
        self._order.sorting = sorting
        self.table.set_sorted(sorting.column, sorting.descending)
        self.show()

    def action_add(self) -> None:
        """Open the empty form."""
        self._open_form()

    def action_edit(self) -> None:
        """Open the form of the selected webhook."""
        status = self.actions.selected()
        if status is not None:
            self._open_form(editing=status.webhook.id)

    def action_duplicate(self) -> None:
        """Open the form filled in from the selected webhook."""
        status = self.actions.selected()
        if status is not None:
            self._open_form(copy_of=status.webhook.id)

    def action_sources(self) -> None:
        """Open the list of sources."""
        self.app.push_screen(load_screen(SOURCES_SCREEN)(self.access, self.live))

    def action_alerts(self) -> None:
        """Open the kinds of alerts."""
        self.app.push_screen(load_screen(ALERTS_SCREEN)(self.access, self.live))

    def _open_form(self, **which: int) -> None:
        if self.refuses_changes():
            return
        from tui.webhook_form.screen import WebhookFormScreen

        self.app.push_screen(WebhookFormScreen(self.access, self.live, **which), self._saved)

    def _saved(self, saved: Saved | None) -> None:
        if saved is None:
            return
        self.actions.remember_edit(saved)
        self.in_background(self.go_to(saved.webhook_id))

    async def go_to(self, webhook_id: int) -> None:
        """Put the cursor on a webhook; a new one is no row before the store was read again."""
        await self.live.reread()
        self.show()
        self.table.move_to(webhook_id)

    def action_undo(self) -> None:
        """Take back the last thing that can be."""
        self.queue_change(self.undo_newest, self.live.undos.webhooks)

    @on(LiveTable.Chosen)
    def action_deliveries(self) -> None:
        """Show the deliveries of the selected webhook."""
        status = self.actions.selected()
        if status is not None:
            deliveries = load_screen(DELIVERIES_SCREEN)
            screen = deliveries(self.access, self.live, webhook_id=status.webhook.id)
            self.app.push_screen(screen)

    def action_sort(self) -> None:
        """Sort by the next column."""
        self._sort(self._order.sorting.next())

    def action_invert(self) -> None:
        """Reverse the order."""
        self._sort(self._order.sorting.inverted())

    def action_faults(self) -> None:
        """Show only what fails, or everything again."""
        self._only_faults = not self._only_faults
        self._show_rows(by_admin=True)

    def action_back(self) -> None:
        """Close the filter, or unmark, or show all rows again; only then leave the screen."""
        if self.filter_line.display:
            super().action_back()
        elif self.table.marked:
            self.table.clear_marks()
        elif self._only_faults:
            self.action_faults()
        elif len(self.app.screen_stack) > 1:
            super().action_back()
        else:
            self.call_later(self.run_action, "app.panel")
