"""Admin › Sources: the sources of events, their health, and every action on them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, ClassVar

from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input

from domain.clients import AGENT
from domain.source_kinds import WIREGUARD
from sources.wireguard.snapshot import snapshot_summary
from store import clients
from store import sources as stored_sources
from store.records import Client, StoredSource
from tui.key_names import key_of
from tui.screens.lists import ReadingScreen
from tui.sources.actions import SourceActions
from tui.sources.rows import COLUMNS, empty_list, facts_of, matches, ordered, row_of
from tui.widgets.filter_line import FilterLine
from tui.widgets.lines import StaticText
from tui.widgets.live_table import LiveTable
from tui.widgets.panel import Panel

LOOKS_AT_WIREGUARD = (WIREGUARD, AGENT)


class SourcesScreen(ReadingScreen):
    """List of sources, and below it the facts of the selected source."""

    CRUMBS = "Sources"
    UNDER = "Admin"
    takes_keys = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a,plus", "add", "add", id="sources.add", tooltip="add a source or a host"),
        Binding("e", "edit", "edit", id="sources.edit", tooltip="edit what is set for it"),
        Binding(
            "p",
            "pause",
            "pause",
            id="sources.pause",
            tooltip="let no worker run it, or let it go on",
        ),
        Binding(
            "n,r",
            "look",
            "look now",
            id="sources.look",
            tooltip="look once now, without waiting for its time",
        ),
        Binding(
            "c",
            "code",
            "new code",
            id="sources.code",
            tooltip="give the agent of a host a new set-up code; its key is worth nothing then",
        ),
        Binding(
            "o",
            "refused",
            "refused",
            id="sources.refused",
            tooltip="what it took and the queue cannot hold: open, send or forget it",
        ),
        Binding(
            "x,delete",
            "delete",
            "delete",
            id="sources.delete",
            tooltip="forget the source and what it remembers, after asking; its events stay",
        ),
        Binding(
            "slash",
            "filter",
            "filter",
            key_display="/",
            id="sources.filter",
            tooltip="show rows that hold a text, or with ! before it those that do not",
        ),
        Binding(
            "u", "undo", "undo", id="sources.undo", tooltip="take back the last edit or pause here"
        ),
        Binding(
            "w",
            "wireguard",
            "this host",
            show=False,
            id="sources.wireguard",
            tooltip="watch this host's WireGuard, or watch it no more; asks first",
        ),
    ]

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._clients: dict[str, Client] = {}
        self._seen: tuple[tuple[object, ...], str] = ((), "")
        self._found_by = ""
        self._offered: tuple[object, ...] = ()
        # Textual looks up the action of a key by its name on the screen.
        self._actions = actions = SourceActions(self)
        self.action_add = actions.add
        self.action_edit = actions.edit
        self.action_pause = actions.pause
        self.action_look = actions.look
        self.action_code = actions.code
        self.action_refused = actions.refused
        self.action_delete = actions.delete
        self.action_undo = actions.undo
        self.action_wireguard = actions.wireguard

    def body(self) -> Iterable[Widget]:
        with Panel(id="sources-panel"):
            yield LiveTable(COLUMNS, id="sources")
            yield StaticText(id="no-sources", classes="notice")
            yield FilterLine(("text", "!text for those without"), id="sources-filter")
        yield StaticText(id="source-facts")

    def on_mount(self) -> None:
        self.query_one(FilterLine).box.before_find = self.hold_keys
        self.table.focus()
        self.show()

    def show(self) -> None:
        report = self.live.report
        if report is None:
            return
        every = report.overview.sources
        wanted = self.query_one(FilterLine).box.value.strip()
        shown = [source for source in ordered(every) if not wanted or matches(source, wanted)]
        is_new, self._found_by = wanted != self._found_by, wanted
        self.table.set_keys([source.name for source in shown], by_admin=is_new)
        title = f"{len(shown)} of {len(every)}" if wanted else f"{len(every)}"
        self.query_one("#sources-panel", Panel).show_title(f"Sources ── {title}")
        self._show_hint(not report.added_sources)
        self.tick()
        if any(source.kind == AGENT for source in every) or self._unseen():
            self.read_soon()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer no key that has nothing to work on."""
        return self._actions.offers(action) and super().check_action(action, parameters)

    def _offer_keys(self) -> None:
        """Show in the last line the keys that work for the selected source, if they changed."""
        source = self._actions.selected()
        refused = source is not None and self._actions.refused_of(source.name) > 0
        offered = (source and source.kind, bool(self.live.undos.sources), refused)
        if offered != self._offered:
            self._offered = offered
            self.refresh_bindings()

    def _show_hint(self, is_needed: bool) -> None:
        hint = self.query_one("#no-sources", StaticText)
        hint.display = is_needed
        if is_needed:
            hint.show_text(
                Text(empty_list(key_of(self, "sources.add"), key_of(self, "sources.wireguard")))
            )

    @on(LiveTable.RowsWanted)
    def tick(self) -> None:
        """Update the ages."""
        report = self.live.report
        if report is not None:
            self.table.put_only(
                {
                    source.name: row_of(source, report, self._client(source))
                    for source in report.overview.sources
                }
            )
            self._show_facts()

    async def read_store(self) -> None:
        """Read the clients of agents, and what the selected source saw at its last look."""
        found = await self.access.read(clients.load_all, AGENT)
        self._clients = {client.name: client for client in found}
        looked = self._unseen()
        if looked is not None:
            self._seen = (looked, await self.access.read(_seen_at, looked[0]))
        self.tick()

    def _unseen(self) -> tuple[str, int | None] | None:
        """Return the selected source and its last look, if what it saw then is not read yet."""
        source = self._actions.selected()
        if source is None or source.kind not in LOOKS_AT_WIREGUARD:
            return None
        looked = (source.name, source.last_ok_ms)
        return looked if looked != self._seen[0] else None

    def _seen_of(self, source: StoredSource) -> str:
        return self._seen[1] if self._seen[0][:1] == (source.name,) else ""

    def _client(self, source: StoredSource) -> Client | None:
        """Return the client of a source, if it is the host of an agent."""
        return self._clients.get(source.name) if source.kind == AGENT else None

    @on(LiveTable.Moved)
    def _moved(self) -> None:
        self._show_facts()
        if self._unseen():
            self.read_soon()

    def _show_facts(self) -> None:
        report, source = self.live.report, self._actions.selected()
        facts = self.query_one("#source-facts", StaticText)
        if report is None or source is None:
            facts.show_text(Text(""))
        else:
            client, seen = self._client(source), self._seen_of(source)
            facts.show_text(facts_of(source, report, client, partial(key_of, self), seen=seen))
        self._offer_keys()

    @on(LiveTable.Chosen)
    def _chosen(self) -> None:
        self.action_edit()

    def action_filter(self) -> None:
        """Open the filter's box."""
        self.query_one(FilterLine).open()

    def action_back(self) -> None:
        """Close the filter first, then leave the screen."""
        box = self.query_one(FilterLine)
        if box.display:
            box.close()
            self.table.focus()
        else:
            super().action_back()

    @on(Input.Changed, "#sources-filter-box")
    def _filtered(self) -> None:
        self.show()

    @on(Input.Submitted, "#sources-filter-box")
    def _filter_entered(self) -> None:
        self.set_focus(self.table)
        self.take_keys()


def _seen_at(name: str) -> str:
    state = stored_sources.load_state(name)
    return "" if state is None else snapshot_summary(state)
