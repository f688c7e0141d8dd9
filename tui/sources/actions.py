"""Actions on sources from their list: add, edit, pause, look now, delete, undo."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

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
from tui.screens.base import TocsinScreen
from tui.screens.dialogs import Choice, MenuScreen
from tui.screens.option_form import OptionFormScreen
from tui.sources.forms import LOOKED_AT, Edited, form_to_add, form_to_edit
from tui.sources.hosts import (
    ConfFilesScreen,
    HostFiles,
    ask_about_wireguard,
    form_to_add_host,
    renew_code,
)
from tui.state.store_access import Refused

KINDS = {
    "w": (WIREGUARD, "WireGuard of this host or of another"),
    "a": (AGENT, "a host whose Pro Custodibus agent reports"),
    "l": (JOURNAL, "SSH logins of this host"),
    "s": (SOCKET, "a Unix socket that programs write to"),
    "h": (HTTP, "HTTP for programs, agents and brokers"),
    "p": (PROCUSTODIBUS, "the queues of Pro Custodibus"),
}
"""Kinds of sources by the keys that choose them, each with its line in the menu."""

Switch = Callable[[str, Actor, int], bool]
"""Request that pauses a source or lets it go on; returns False if it was so already."""

UNFIT = "but cannot run as it is set"
NOTHING_TO_SET = "there is nothing to set for it"


class SourceActions:
    """Actions of the screen with the table of sources, and which of them it offers."""

    def __init__(self, screen: TocsinScreen) -> None:
        self._screen = screen
        self._access = screen.access
        self._live = screen.live
        self._undos = screen.live.undos.sources

    def _go_to(self, name: str) -> None:
        self._screen.show()
        self._screen.table.move_to(name)

    def offers(self, action: str) -> bool:
        """Return False for an action that has nothing to work on."""
        source = self.selected()
        refused = self.refused_of(source.name) if source is not None else 0
        offered = {
            "edit": source is not None,
            "pause": source is not None,
            "look": source is not None and source.kind in LOOKED_AT,
            "code": source is not None and source.kind == AGENT,
            "refused": refused > 0,
            "delete": source is not None and not kind_named(source.kind).built_in,
            "undo": bool(self._undos) or self._access.change_queue.under_way,
        }
        return offered.get(action, True)

    def selected(self) -> StoredSource | None:
        """Return the source under the cursor."""
        return self._source(self._screen.table.cursor)

    def _source(self, name: object) -> StoredSource | None:
        return next((source for source in self._live.sources if source.name == name), None)

    def refused_of(self, name: str) -> int:
        """Return how many events of a source are kept that could not be queued."""
        report = self._live.report
        return report.overview.refused.get(name, 0) if report is not None else 0

    def add(self) -> None:
        """Choose a kind, then fill in its form."""
        if self._screen.refuses_changes():
            return
        choices = [Choice(key, words) for key, (_, words) in KINDS.items()]
        self._screen.app.push_screen(
            MenuScreen("Add a source of which kind?", choices), self._add_kind
        )

    def _add_kind(self, key: str | None) -> None:
        report = self._live.report
        if key is None or report is None:
            return
        every = report.overview.sources
        kind = kind_named(KINDS[key][0])
        if kind.name == AGENT:
            form = form_to_add_host(self._access, every)
            self._screen.app.push_screen(
                OptionFormScreen(self._access, self._live, form), self._host_added
            )
        else:
            form = form_to_add(self._access, report.settings, kind, every)
            self._screen.app.push_screen(
                OptionFormScreen(self._access, self._live, form), self._added
            )

    def _added(self, source: StoredSource | None) -> None:
        if source is None:
            return
        problem = startup_problem(source, self._live.sources)
        rest = f", {UNFIT}: {problem}" if problem else ": the worker that sends runs it"
        self._screen.show_notice(f"source {source.name} is active{rest}", bad=bool(problem))
        self._go_to(source.name)

    def _host_added(self, files: HostFiles | None) -> None:
        if files is not None:
            self._go_to(files.host)
            self._screen.app.push_screen(ConfFilesScreen(files))

    def edit(self) -> None:
        """Open the form of the selected source."""
        source, report = self.selected(), self._live.report
        if source is None or report is None:
            return
        if not kind_named(source.kind).defaults:
            self._screen.show_notice(NOTHING_TO_SET)
            return
        if self._screen.refuses_changes():
            return
        form = form_to_edit(self._access, report.settings, source)
        self._screen.app.push_screen(OptionFormScreen(self._access, self._live, form), self._edited)

    def _edited(self, edited: Edited | None) -> None:
        if edited is None:
            return
        before, after = edited
        if before.options == after.options:
            has_new_key = before.revision != after.revision
            self._screen.show_notice("it has a new key" if has_new_key else "nothing was changed")
            return
        self._undos.push(f"edit of {after.name}", lambda: self._edit_back(before, after))
        problem = startup_problem(after, self._live.sources)
        warning = f"{after.name} is saved, {UNFIT}: {problem}"
        self._screen.show_notice(
            warning if problem else self._undoable(f"{after.name} is saved"), bad=bool(problem)
        )

    def _undoable(self, done: str) -> str:
        return and_key(done, key_of(self._screen, "sources.undo"), "undoes it")

    async def _edit_back(self, before: StoredSource, after: StoredSource) -> str:
        """Undo an edit, unless somebody else made one after it. Raises Refused."""
        now = await self._access.read(stored_sources.find, after.name)
        if now.options != after.options:
            raise Refused(f"{after.name} was edited meanwhile: look before you change it")
        edit = partial(stored_sources.edit, revision=now.revision)
        await self._access.change(edit, after.name, before.options)
        return ""

    def pause(self) -> None:
        """Pause the selected source, or let it go on."""
        source = self.selected()
        if source is not None and self._screen.table.is_meant():
            self._screen.queue_change(self._pause, source.name)

    async def _pause(self, name: str) -> None:
        source = self._source(name)
        if source is None:
            return
        there, back = stored_sources.pause, stored_sources.unpause
        word, state = "paused", "inactive"
        if not source.active:
            there, back, word, state = back, there, "unpaused", "active"
        done = self._undoable(f"{name} is {word}: {state}")
        if await self._screen.carry_out(self._access.change(there, name), done):
            self._undos.push(f"{name} {word}", lambda: self._switch_back(back, name))

    async def _switch_back(self, back: Switch, name: str) -> str:
        changed = await self._access.change(back, name)
        return "" if changed else "it was so already"

    def look(self) -> None:
        """Look once now."""
        source, report = self.selected(), self._live.report
        if source is None or report is None or not self._screen.table.is_meant():
            return
        if self._access.source_jobs.is_under_way(source.name):
            self._screen.show_notice(
                f"{source.name} is being looked at already: wait for it", bad=True
            )
        else:
            self._screen.show_notice(f"looking at {source.name} ...")
            request = self._looked(source.name, report)
            self._screen.run_in_app(self._screen.carry_out(request, done=str))

    async def _looked(self, name: str, report: Report) -> str:
        try:
            appended = await self._access.source_jobs.run(
                name,
                lambda stop: run_one(
                    name,
                    self._access.store,
                    report.settings,
                    self._access.now_ms,
                    stop,
                    on_failure=lambda _: None,
                    once=True,
                ),
            )
        except (SourceError, StoreError, ValueError) as error:
            raise Refused(f"{name}: {error}") from error
        return f"{name} was looked at: {counted(appended.accepted, 'new event')}"

    def delete(self) -> None:
        """Delete the selected source after asking."""
        source = self.selected()
        if source is not None:
            question = _delete_question(source, self.refused_of(source.name))
            self._screen.confirm(question, self._delete, source.name)

    async def _delete(self, name: str) -> None:
        request = self._access.change(stored_sources.delete, name)
        await self._screen.carry_out(request, f"source {name} is deleted; its events stay")

    def refused(self) -> None:
        """Open what the selected source could not queue."""
        from tui.sources.refused import RefusedScreen

        source = self.selected()
        if source is not None:
            self._screen.app.push_screen(RefusedScreen(self._access, self._live, source.name))

    def code(self) -> None:
        """Give the agent of the selected host a new set-up code, after asking."""
        source = self.selected()
        if source is not None:
            question = Question(
                f"A new set-up code for {source.name}?",
                ("The key that its agent has is worth nothing any more.",),
                yes="New code",
            )
            self._screen.confirm(question, self._renew_code, source.name)

    async def _renew_code(self, name: str) -> None:
        request = renew_code(self._access, name, self._live.sources)
        files = await self._screen.carry_out(request)
        if files is not None:
            self._screen.app.push_screen(ConfFilesScreen(files))

    def wireguard(self) -> None:
        """Ask whether to watch this host's WireGuard, or to stop that."""
        ask_about_wireguard(self._screen)

    def undo(self) -> None:
        """Take back the last edit or pause made here."""
        self._screen.queue_change(self._screen.undo_newest, self._undos)


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
