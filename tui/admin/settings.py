"""Admin › Worker and settings: who sends, pausing all of it, and the settings of the store."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Mapping
from typing import Any, ClassVar

from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import Input, Label

from delivery.report import Report, undelivered_events
from domain.safe import safe
from domain.settings import BY_NAME, SETTINGS, STORE_PATHS, setting_named
from domain.wording import counted, wait_word
from store import settings as stored_settings
from tui.admin.setting_rows import (
    COLUMNS,
    DEFAULT,
    STORE,
    SettingsInForce,
    facts_of,
    rows_of,
    why_no_worker,
    worker_lines,
)
from tui.admin.worker_log import WorkerLogScreen
from tui.key_names import ENTER, and_key, key_of
from tui.questions import Question
from tui.screens.base import TocsinScreen
from tui.shell.themes import own_name
from tui.state.store_access import Refused, StoreAccess
from tui.widgets.inputs import VisibleInput
from tui.widgets.lines import StaticText
from tui.widgets.live_table import LiveTable


def refusal(access: StoreAccess, stored: Mapping[str, str], name: str, text: str) -> str | None:
    """Return why the store cannot keep this text for a setting; None if it can."""
    try:
        access.check_stored({**stored, name: _canonical(name, text)})
    except ValueError as error:
        return str(error)
    return None


async def keep(access: StoreAccess, name: str, text: str) -> str:
    """Keep a text for a setting in the store; return a notice. Raises Refused."""
    canonical = _canonical(name, text)
    await access.change(stored_settings.save, name, canonical)
    origin = access.origin(name)
    overruled = "" if origin in (STORE, DEFAULT) else f" But here the value from {origin} wins."
    return f"{name} is now {canonical or 'empty'}.{overruled}"


async def forget(access: StoreAccess, stored: Mapping[str, str], name: str) -> str:
    """Take a setting out of the store; return a notice. Raises Refused."""
    if name not in stored:
        raise Refused(f"{name}: the store has no value for it")
    try:
        access.check_stored({key: text for key, text in stored.items() if key != name})
    except ValueError as error:
        raise Refused(str(error)) from error
    await access.change(stored_settings.unset, name)
    return f"{name} is out of the store."


def _canonical(name: str, text: str) -> str:
    setting = setting_named(name)
    return setting.format(setting.parse(text))


def question_before_pausing(report: Report, key: str) -> Question:
    """Return the question before all sending is paused, with what waits."""
    active = sum(status.webhook.fields.active for status in report.overview.webhooks)
    waiting = undelivered_events(report)
    return Question(
        "Pause all sending?",
        (
            f"No webhook is sent anything by any process until {f'{key} here, or ' if key else ''}"
            f"`tocsin worker unpause`{',' if key else ''} goes on.",
            f"{counted(active, 'active webhook')}; {counted(waiting, 'event')} "
            f"{wait_word(waiting)} now, and new ones are queued. Nothing is lost.",
        ),
        yes="Pause all",
    )


LONGEST_VALUE = 1_000
NOT_HERE = "{name}: the store cannot say where it is itself; write it in the configuration file"


class SettingBox(VisibleInput):
    """The box in which a value is typed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "keep", key_display=ENTER, id="settings.keep"),
        Binding("escape", "screen.back", "leave it", id="settings.leave"),
    ]


class SettingsScreen(TocsinScreen):
    """List of workers and settings; a value is typed in the line below and checked meanwhile."""

    CRUMBS = "Worker and settings"
    UNDER = "Admin"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "change", "change", id="settings.change", tooltip="change the setting"),
        Binding(
            "x,delete",
            "unset",
            "unset",
            id="settings.unset",
            tooltip="take the setting out of the store, so that its default holds",
        ),
        Binding(
            "u", "undo", "undo", id="settings.undo", tooltip="take back the last change made here"
        ),
        Binding(
            "p",
            "pause",
            "pause all",
            id="worker.pause",
            tooltip="start no attempt of any webhook, in any process, after asking; or go on",
        ),
        Binding("l", "log", "log", id="worker.log", tooltip="what this terminal's worker said"),
    ]

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._undos = self.live.undos.settings
        self._changing = ""

    @property
    def _box(self) -> Input:
        return self.query_one("#setting-value", Input)

    def body(self) -> Iterable[Widget]:
        with Vertical(classes="panel", id="workers-panel"):
            yield StaticText(id="workers")
        with Vertical(classes="panel", id="settings-panel"):
            yield LiveTable(COLUMNS, id="settings")
            with Horizontal(id="setting-line"):
                yield Label("", id="setting-name", markup=False)
                yield SettingBox(max_length=LONGEST_VALUE, id="setting-value")
        yield StaticText(id="setting-facts")

    def on_mount(self) -> None:
        self.query_one("#workers-panel").border_title = "Workers"
        self.query_one("#settings-panel").border_title = "Settings"
        self.query_one("#setting-line").display = False
        self.table.set_keys([setting.name for setting in SETTINGS])
        self.table.focus()
        self.show()

    def show(self) -> None:
        in_force = self._in_force()
        if in_force is None:
            return
        self.tick()
        self.table.put_rows(rows_of(in_force))
        self._show_facts()

    def tick(self) -> None:
        """Paint the ages of the heartbeats."""
        if self.live.report is not None:
            missing, key = why_no_worker(self.access), key_of(self, "worker.pause")
            lines = worker_lines(self.live.report, self.live.own_worker(), missing, key)
            self.query_one("#workers", StaticText).show_text(lines)

    def _in_force(self) -> SettingsInForce | None:
        report = self.live.report
        if report is None:
            return None
        key_file = self.access.store.vault.key_file
        return SettingsInForce(report, self.access.origin, own_name(self.app.theme), key_file)

    @property
    def _stored(self) -> Mapping[str, str]:
        report = self.live.report
        return {} if report is None else report.overview.settings

    @on(Input.Changed)
    @on(LiveTable.Moved)
    def _show_facts(self) -> None:
        in_force = self._in_force()
        if in_force is None or self.table.cursor is None:
            return
        facts = self.query_one("#setting-facts", StaticText)
        refused = self._refusal() if self._changing else None
        facts.set_class(refused is not None, "error")
        if refused is None:
            facts.show_text(facts_of(self._changing or str(self.table.cursor), in_force))
        else:
            facts.show_text(Text(safe(refused, LONGEST_VALUE)))

    def _refusal(self) -> str | None:
        return refusal(self.access, self._stored, self._changing, self._box.value)

    @on(LiveTable.Chosen)
    def action_change(self) -> None:
        """Open the line for the selected setting, with the value in force."""
        name, in_force = str(self.table.cursor), self._in_force()
        if in_force is None:
            return
        if name in STORE_PATHS:
            self.show_notice_here(NOT_HERE.format(name=name))
            return
        if self.refuses_changes():
            return
        self._box.value = in_force.value(BY_NAME[name])
        self._open(name)

    def _open(self, name: str) -> None:
        self._changing = name
        self.query_one("#setting-name", Label).update(f" change {name} to ")
        self.query_one("#setting-line").display = bool(name)
        self.set_focus(self._box if name else self.table)  # at once, for what is typed next
        self._show_facts()

    def action_back(self) -> None:
        """Close the line first, then the screen."""
        if self._changing:
            self._open("")
        else:
            super().action_back()

    @on(Input.Submitted)
    def _entered(self) -> None:
        if self._refusal() is None:
            self.queue_change(self._keep_typed, self._changing, self._box.value)
            self._open("")

    async def _keep_typed(self, name: str, text: str) -> None:
        """Keep what was typed; if that is refused, the line opens with it again."""
        if not await self._carry_out(name, text) and self.is_attached and not self._changing:
            self.table.move_to(name)
            self._box.value = text
            self._open(name)

    def action_unset(self) -> None:
        """Take the selected setting out of the store."""
        self.queue_change(self._carry_out, str(self.table.cursor), None)

    async def _carry_out(self, name: str, text: str | None) -> bool:
        """Keep a text for a setting, or None for its default; return True if that was done."""
        before = self._stored.get(name)
        done = await self.carry_out(self._request(name, text))
        if done is None:
            return False
        after = self._stored.get(name)
        self._undos.push(f"{name} changed", lambda: self._change_back(name, after, before))
        self.show_notice(and_key(done, key_of(self, "settings.undo"), "undoes it", " "))
        return True

    async def _change_back(self, name: str, ours: str | None, before: str | None) -> str:
        """Undo a change, unless somebody else made one after it. Raises Refused."""
        stored = await self.access.read(stored_settings.load_all)
        if stored.get(name) != ours:
            now = stored.get(name, "not in the store")
            raise Refused(f"{name} was changed meanwhile, it is now {now}: look before you change")
        return await self._request(name, before)

    def _request(self, name: str, text: str | None) -> Awaitable[str]:
        if text is None:
            return forget(self.access, self._stored, name)
        return keep(self.access, name, text)

    def action_undo(self) -> None:
        """Take back the last change made here."""
        self.queue_change(self.undo_newest, self._undos)

    def action_pause(self) -> None:
        """Pause all sending, after asking, or go on with it."""
        report = self.live.report
        if report is None:
            return
        if report.paused is None:
            question = question_before_pausing(report, key_of(self, "worker.pause"))
            self.confirm(question, self._pause)
        else:
            self.queue_change(self._unpause)

    async def _unpause(self) -> None:
        await self.carry_out(self.access.change(stored_settings.unpause), "sending goes on")

    async def _pause(self) -> None:
        done = "nothing is sent for now; events are queued"
        done = and_key(done, key_of(self, "worker.pause"), "goes on")
        await self.carry_out(self.access.change(stored_settings.pause), done)

    def action_log(self) -> None:
        """Show what this terminal's worker said."""
        self.app.push_screen(WorkerLogScreen(self.access, self.live))
