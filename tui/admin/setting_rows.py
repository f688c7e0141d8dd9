"""Settings and workers as rows and lines of the screen of both."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec
from rich.text import Text

from delivery.report import Report
from domain.safe import safe
from domain.settings import BY_NAME, KEY_NAME, SETTINGS, STORE_PATHS, Setting, value_of
from domain.wording import second_text
from store.records import StoredWorker
from store.workers import is_gone
from tui.cells import Cell, Column, Row
from tui.key_names import and_key
from tui.state.store_access import StoreAccess
from tui.wording import coarse_age

COLUMNS = (
    Column("name", "Setting", 17, sortable=False),
    Column("value", "Value", 20, sortable=False),
    Column("from", "From", 11, sortable=False),
    Column("what", "What it is", 0, sortable=False),
)
STORE, DEFAULT = "store", "default"
SHOWN_WORKERS = 3
LINE = 300
_DEFAULT_PLACES = {
    "db": "the usual place of this account",
    "key_file": f"{KEY_NAME} beside the store",
}


class SettingsInForce(msgspec.Struct, frozen=True):
    """Settings in force, with the origin of each value."""

    report: Report
    origin_of: Callable[[str], str]
    worn: str
    """Theme of the screen now, as the setting names it."""
    key_file: Path
    """Path of the key, configured or not."""

    @property
    def stored(self) -> Mapping[str, str]:
        """The texts that the store keeps, by the names of the settings."""
        return self.report.overview.settings

    def value(self, setting: Setting) -> str:
        """Return the value in force as text, "" if there is none."""
        if setting.name == "db":
            return str(self.report.path)
        if setting.name == "key_file":
            return str(self.key_file)
        return setting.format(value_of(self.report.settings, setting))

    def origin(self, setting: Setting) -> str:
        """Return the origin of the value in force."""
        return origin_of(setting.name, self.report, self.origin_of)

    def instead(self, setting: Setting) -> str:
        """Return what the screen shows instead of the value; "" if it shows the value."""
        is_other = setting.name == "theme" and self.worn != self.value(setting)
        return self.worn if is_other else ""


def origin_of(name: str, report: Report, configured: Callable[[str], str]) -> str:
    """Return the origin of a setting's value: that of the configuration, or the store."""
    origin = configured(name)
    return STORE if origin == DEFAULT and name in report.overview.settings else origin


def rows_of(in_force: SettingsInForce) -> dict[object, Row]:
    """Return a row for each setting."""
    return {setting.name: _row(setting, in_force) for setting in SETTINGS}


def _row(setting: Setting, in_force: SettingsInForce) -> Row:
    origin = in_force.origin(setting)
    is_default = origin == DEFAULT
    value = in_force.value(setting)
    if instead := in_force.instead(setting):
        value = f"{value}: {instead}"
    return (
        Cell(setting.name),
        Cell(value or "-", "dim" if is_default else "plain"),
        Cell(origin.partition(" ")[0], "dim" if is_default else "busy"),
        Cell(setting.description, "dim"),
    )


def facts_of(name: str, in_force: SettingsInForce) -> Text:
    """Return the facts of a setting: its meaning, its bounds, and the origin of its value."""
    setting = BY_NAME[name]
    lines = (f"{name}: {setting.description}", _bounds(setting), _who_decides(setting, in_force))
    return Text("\n".join(safe(line, LINE) for line in lines))


def _bounds(setting: Setting) -> str:
    default = _DEFAULT_PLACES.get(setting.name) or setting.format(setting.default) or "none"
    return f"{setting.form}; default {default}"


def _who_decides(setting: Setting, in_force: SettingsInForce) -> str:
    origin = in_force.origin(setting)
    now = f"{in_force.value(setting) or 'nothing'} from {origin}"
    if instead := in_force.instead(setting):
        return f"{now}; worn now: {instead}, which this terminal's colours or the palette chose"
    if setting.name in STORE_PATHS:
        return f"{now}; only a configuration file can say so for good"
    kept = in_force.stored.get(setting.name)
    if kept is not None and origin != STORE:
        return f"the store keeps {kept}, but here the value from {origin} wins"
    return now if origin in (STORE, DEFAULT) else f"{now}, which wins over the store"


def why_no_worker(access: StoreAccess) -> str | None:
    """Return why this terminal has no worker, None if it has one."""
    worker = access.worker
    if access.store.outdated and not worker.is_begun:
        return (
            "○ this terminal's worker begins after `tocsin db upgrade`: the store is of an older "
            "Tocsin"
        )
    if worker.trouble is not None:
        return f"✗ this terminal's worker has ended: {worker.trouble}"
    return "○ this terminal's worker has ended" if worker.id is None else None


def worker_lines(report: Report, own: str | None, missing: str | None, pause_key: str) -> Text:
    """Return a line for each worker with its last heartbeat, and what stops them all."""
    text = Text()
    for line, style in _lines(report, own, missing, pause_key):
        text.append(f"{safe(line, LINE)}\n", style)
    text.rstrip()
    return text


def _lines(
    report: Report, own: str | None, missing: str | None, pause_key: str
) -> list[tuple[str, str]]:
    everyone = report.overview.workers
    lines = [(line, "bold") for line in _stops(report, pause_key)]
    if missing is not None:
        lines.append((missing, "bold" if missing.startswith("✗") else ""))
    lines += [(_worker_line(worker, report, own), "") for worker in everyone[:SHOWN_WORKERS]]
    more = len(everyone) - SHOWN_WORKERS
    return [*lines, (f"  and {more} more: `tocsin worker list`", "")] if more > 0 else lines


def _stops(report: Report, pause_key: str) -> Iterator[str]:
    """Return what keeps everything from being sent."""
    if report.paused is not None:
        since = second_text(report.paused.since_ms)
        paused = and_key("‖ all sending is paused", pause_key, "goes on", ", ")
        yield f"{paused}; by {report.paused.by} since {since}"
    if not any(worker.active and report.locked for worker in report.overview.workers):
        yield "✗ nobody is sending"


def _worker_line(worker: StoredWorker, report: Report, own: str | None) -> str:
    who = (
        f"this terminal, pid {worker.pid}"
        if worker.id == own
        else f"{worker.kind} pid {worker.pid}"
    )
    age = coarse_age(report.now_ms - worker.heartbeat_ms)
    sends = worker.active and report.locked
    glyph, does = ("●", "sends") if sends else ("○", "stands by")
    if sends and report.paused is not None:
        glyph, does = "‖", "would send"
    if is_gone(worker, report.now_ms):
        glyph, does = "✗", "is gone"
    elif report.is_old(worker):
        glyph, does = "▲", "is stopped, stuck or gone"
    elsewhere = f" on {worker.host}" if worker.host != os.uname().nodename else ""
    return f"{glyph} {who}{elsewhere} {does} · heartbeat {age} ago"
