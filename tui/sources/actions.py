"""What an admin does to sources from their list: add, edit, pause, look now, delete, undo."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from delivery.report import Report
from domain.actors import Actor
from domain.clients import AGENT
from domain.source_kinds import HTTP, JOURNAL, PROCUSTODIBUS, SOCKET, WIREGUARD, kind_named
from domain.wording import counted
from sources.base import SourceError
from sources.preflight import startup_problem
from sources.runner import run_one
from store import sources as stored_sources
from store.errors import StoreError
from store.records import StoredSource
from tui.key_names import and_key, key_of
from tui.questions import Question
from tui.screens.dialogs import Choice, ConfirmScreen, MenuScreen
from tui.screens.lists import LookingScreen
from tui.screens.option_form import OptionFormScreen
from tui.sources import hosts
from tui.sources.forms import LOOKED_AT, Edited, form_to_add, form_to_edit
from tui.sources.hosts import ConfFilesScreen, Files, form_to_add_host, renewed
from tui.sources.summary import host_source
from tui.state.store_access import Refused
from tui.widgets.live_table import LiveTable

FOR_A_ROW = {"edit", "pause"}
KINDS = {
    "w": (WIREGUARD, "WireGuard of this host or of another"),
    "a": (AGENT, "a host whose Pro Custodibus agent reports"),
    "l": (JOURNAL, "SSH logins of this host"),
    "s": (SOCKET, "a Unix socket that programs write to"),
    "h": (HTTP, "HTTP for programs, agents and brokers"),
    "p": (PROCUSTODIBUS, "the queues of Pro Custodibus"),
}
"""By which key a kind is chosen, in a line that is never too long."""

Switch = Callable[[str, Actor, int], bool]
"""To pause a source, or to let it go on."""

UNFIT = "but cannot run as it is set"
NOTHING_TO_SET = "there is nothing to set for it"


class SourceActions(LookingScreen):
    """The screen that has the table of sources, which stand there at once."""

    takes_keys = True

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._undos = self.live.undos.sources
        self._offered: tuple[object, ...] = ()

    @property
    def table(self) -> LiveTable:
        """The list."""
        return self.query_one("#sources", LiveTable)

    def selected(self) -> StoredSource | None:
        """The source under the cursor."""
        return self._source(self.table.cursor)

    def _source(self, name: object) -> StoredSource | None:
        report = self.live.report
        every = report.overview.sources if report is not None else []
        return next((one for one in every if one.name == name), None)

    def refused_of(self, name: str) -> int:
        """How many events of a source are kept that could not be queued."""
        report = self.live.report
        return report.overview.refused.get(name, 0) if report is not None else 0

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer no key that has nothing to work on."""
        source = self.selected()
        if action in FOR_A_ROW:
            return source is not None
        if action == "look":
            return source is not None and source.kind in LOOKED_AT
        if action == "code":
            return source is not None and source.kind == AGENT
        if action == "refused":
            return source is not None and self.refused_of(source.name) > 0
        if action == "delete":
            return source is not None and not kind_named(source.kind).built_in
        if action == "undo":
            return bool(self._undos) or self.access.turns.under_way
        return super().check_action(action, parameters)

    def offer_keys(self) -> None:
        """Let the last line say which keys work for the selected source, if that has changed."""
        source = self.selected()
        refused = source is not None and self.refused_of(source.name) > 0
        offered = (source and source.kind, bool(self._undos), refused)
        if offered != self._offered:
            self._offered = offered
            self.refresh_bindings()

    def remember(self, source: StoredSource) -> None:
        """Go to a source that is new."""
        raise NotImplementedError

    def action_add(self) -> None:
        """Choose a kind, then fill in its form."""
        choices = [Choice(key, words) for key, (_, words) in KINDS.items()]
        self.app.push_screen(MenuScreen("Add a source of which kind?", choices), self._add_kind)

    def _add_kind(self, key: str | None) -> None:
        report = self.live.report
        if key is None or report is None:
            return
        every = report.overview.sources
        kind = kind_named(KINDS[key][0])
        if kind.name == AGENT:
            form = form_to_add_host(self.access, every)
            self.app.push_screen(OptionFormScreen(self.access, self.live, form), self._host_added)
        else:
            form = form_to_add(self.access, report.settings, kind, every)
            self.app.push_screen(OptionFormScreen(self.access, self.live, form), self._added)

    def _added(self, source: StoredSource | None) -> None:
        if source is None:
            return
        problem = startup_problem(source, self._every())
        rest = f", {UNFIT}: {problem}" if problem else ": the worker that sends runs it"
        self.tell(f"source {source.name} is active{rest}", bad=bool(problem))
        self.remember(source)

    def _every(self) -> Sequence[StoredSource]:
        return self.live.report.overview.sources if self.live.report else ()

    def _host_added(self, files: Files | None) -> None:
        if files is not None:
            self.show()
            self.table.move_to(files.host)
            self.app.push_screen(ConfFilesScreen(files))

    def action_edit(self) -> None:
        """Open the form of the selected source."""
        source, report = self.selected(), self.live.report
        if source is None or report is None:
            return
        if not kind_named(source.kind).defaults:
            self.tell(NOTHING_TO_SET)
            return
        form = form_to_edit(self.access, report.settings, source)
        self.app.push_screen(OptionFormScreen(self.access, self.live, form), self._edited)

    def _edited(self, edited: Edited | None) -> None:
        if edited is None:
            return
        before, after = edited
        if before.options == after.options:
            has_new_key = before.revision != after.revision
            self.tell("it has a new key" if has_new_key else "nothing was changed")
            return
        self._undos.push(f"edit of {after.name}", lambda: self._edit_back(before, after))
        problem = startup_problem(after, self._every())
        told = f"{after.name} is saved, {UNFIT}: {problem}"
        self.tell(told if problem else self._undoable(f"{after.name} is saved"), bad=bool(problem))

    def _undoable(self, done: str) -> str:
        return and_key(done, key_of(self, "sources.undo"), "undoes it")

    async def _edit_back(self, before: StoredSource, after: StoredSource) -> str:
        """Undo an edit, unless somebody else made one after it. Raises Refused."""
        now = await self.access.read(stored_sources.find, after.name)
        if now.options != after.options:
            raise Refused(f"{after.name} was edited meanwhile: look before you change it")
        edit = partial(stored_sources.edit, revision=now.revision)
        await self.access.change(edit, after.name, before.options)
        return ""

    def action_pause(self) -> None:
        """Pause the selected source, or let it go on."""
        source = self.selected()
        if source is not None and self.table.is_meant():
            self.in_turn(self._pause, source.name)

    async def _pause(self, name: str) -> None:
        source = self._source(name)
        if source is None:
            return
        there, back = stored_sources.pause, stored_sources.unpause
        word = "paused"
        if not source.active:
            there, back, word = back, there, "active again"
        done = self._undoable(f"{name} is {word}")
        if await self.carry_out(self.access.change(there, name), done):
            self._undos.push(f"{name} {word}", lambda: self._switch_back(back, name))

    async def _switch_back(self, back: Switch, name: str) -> str:
        changed = await self.access.change(back, name)
        return "" if changed else "it was so already"

    def action_look(self) -> None:
        """Look once now."""
        source, report = self.selected(), self.live.report
        if source is None or report is None or not self.table.is_meant():
            return
        if self.access.looks.is_under_way(source.name):
            self.tell(f"{source.name} is being looked at already: wait for it", bad=True)
        else:
            self.tell(f"looking at {source.name} ...")
            self.beyond_screen(self._look_now(source.name, report))

    async def _look_now(self, name: str, report: Report) -> None:
        told = await self.carry_out(self._looked(name, report))
        if told is not None:
            self.tell(told)

    async def _looked(self, name: str, report: Report) -> str:
        try:
            appended = await self.access.looks.carry_out(
                name,
                lambda stop: run_one(
                    name,
                    self.access.store,
                    report.settings,
                    self.access.now_ms,
                    stop,
                    on_failure=lambda _: None,
                    once=True,
                ),
            )
        except (SourceError, StoreError, ValueError) as error:
            raise Refused(f"{name}: {error}") from error
        return f"{name} was looked at: {counted(appended.accepted, 'new event')}"

    def action_delete(self) -> None:
        """Delete the selected source after asking."""
        source = self.selected()
        if source is not None:
            self.app.push_screen(
                ConfirmScreen(_delete_question(source, self.refused_of(source.name))),
                partial(self._delete, source.name),
            )

    def _delete(self, name: str, yes: bool | None) -> None:
        if yes:
            self.in_turn(self._carry_out_delete, name)

    async def _carry_out_delete(self, name: str) -> None:
        request = self.access.change(stored_sources.delete, name)
        await self.carry_out(request, f"source {name} is deleted; its events stay")

    def action_refused(self) -> None:
        """Open what the selected source could not queue."""
        from tui.sources.refused import RefusedScreen

        source = self.selected()
        if source is not None:
            self.app.push_screen(RefusedScreen(self.access, self.live, source.name))

    def action_code(self) -> None:
        """Give the agent of the selected host a new set-up code, after asking."""
        source = self.selected()
        if source is not None:
            question = Question(
                f"A new set-up code for {source.name}?",
                ("The key that its agent has is worth nothing any more.",),
                yes="New code",
            )
            self.app.push_screen(ConfirmScreen(question), partial(self._renew, source.name))

    def _renew(self, name: str, yes: bool | None) -> None:
        report = self.live.report
        if yes and report is not None:
            self.in_turn(self._show_renewed, name, report)

    async def _show_renewed(self, name: str, report: Report) -> None:
        files = await self.carry_out(renewed(self.access, name, report.overview.sources))
        if files is not None:
            self.app.push_screen(ConfFilesScreen(files))

    def action_wireguard(self) -> None:
        """Ask whether to watch this host's WireGuard, or to stop that."""
        report = self.live.report
        if report is None:
            return
        source = host_source(report.overview)
        self.app.push_screen(
            ConfirmScreen(hosts.question_before(source)),
            partial(self._switch, report, source),
        )

    def _switch(self, report: Report, source: StoredSource | None, yes: bool | None) -> None:
        if yes:
            request = hosts.switch(self.access, report.settings, source)
            self.beyond_screen(self._carry_out_switch(request))

    async def _carry_out_switch(self, request: Any) -> None:
        told = await self.carry_out(request)
        if told is not None:
            self.tell(told)

    def action_undo(self) -> None:
        """Take back the last edit or pause made here."""
        self.in_turn(self.take_back, self._undos)


def _delete_question(source: StoredSource, refused: int) -> Question:
    events = f"The {counted(source.accepted_events, 'event')} that came from there stay."
    lost = "What it remembers from look to look is lost: it begins anew if you add it again."
    host = "Its agent can sign in no more."
    kept = f"Its {counted(refused, 'refused event')} stay too: `tocsin refused list` shows them."
    return Question(
        f"Delete the source {source.name}?",
        (events, lost, *([host] if source.kind == AGENT else []), *([kept] if refused else [])),
        yes="Delete",
    )
