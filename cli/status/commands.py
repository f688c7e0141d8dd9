"""`tocsin status`: what is queued, what is failing and why, and who works."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cli.context import Context, open_for_reading
from cli.exit_codes import ExitCode
from cli.source.text import country_data_of_sources, geo_notes_of_sources
from cli.status.report import print_report, read_report, status_json
from delivery.problems import check_line, problems
from delivery.report import Report, undelivered
from store.data_version import read_versions
from store.database import Store
from store.errors import StoreError

if TYPE_CHECKING:
    from sources.geo_age import CountryData

WATCH_S = 1.0
LOOK_AGAIN_MS = 5_000
"""From this age on a report is read anew also where nobody wrote: heartbeats grow old."""

Show = Callable[[Report], None]


def show(args: Namespace, context: Context) -> ExitCode | None:
    """Print the state of the store once, for as long as it is watched, or as one line."""
    if args.check:
        return _check(args, context)
    store = open_for_reading(context)
    countries = country_data_of_sources(context, store)
    if args.watch:
        _watch(store, context, Changes(context, countries, as_json=args.json))
        return None
    report = read_report(store, context)
    if args.json:
        context.out.json(status_json(report, problems(report), countries))
    else:
        _print(report, countries, store, context)
    return None


def _print(report: Report, data: CountryData | None, store: Store, context: Context) -> None:
    """The report, and what tells countries: no matter of delivery, which `--check` is about."""
    old = data.warning(report.now_ms) if data else ""
    print_report(report, [*problems(report), *([old] if old else [])], context.out)
    if data:
        context.out.data(f"places   countries are told by {data.age(report.now_ms)}")
    for line in geo_notes_of_sources(context, store):
        if line != old:
            context.out.data(f"alerts   {line}")


def _check(args: Namespace, context: Context) -> ExitCode:
    """Monitoring systems read stdout: it also tells of a store that cannot be read."""
    try:
        report = read_report(context.open_store(create=False), context)
    except StoreError as error:
        _print_check(args, context, [str(error)], f"FAIL - {error}")
        return ExitCode.UNAVAILABLE
    found = problems(report)
    _print_check(args, context, found, check_line(report, found))
    return ExitCode.CHECK_FAILED if found else ExitCode.OK


def _print_check(args: Namespace, context: Context, found: list[str], line: str) -> None:
    if args.json:
        context.out.json_line({"ok": not found, "warnings": found})
    else:
        context.out.data(" ".join(line.split()))


def _watch(store: Store, context: Context, show: Show) -> None:
    """Show the state again whenever it may have changed, until Ctrl+C, which is its proper end."""
    report = signs = None
    try:
        while True:
            seen = store.call(read_versions)
            if report is None or seen != signs or _moves(report, context.now_ms()):
                report, signs = read_report(store, context), seen
                show(report)
            time.sleep(WATCH_S)
    except KeyboardInterrupt:
        return


def _moves(report: Report, now_ms: int) -> bool:
    """Whether a report changes though nobody writes: something counts down, or it is old."""
    waits = any(undelivered(status) for status in report.overview.webhooks)
    return waits or not 0 <= now_ms - report.now_ms < LOOK_AGAIN_MS


class Changes:
    """Draws a terminal anew; elsewhere writes only what differs from what was written last."""

    def __init__(
        self, context: Context, countries: CountryData | None = None, *, as_json: bool
    ) -> None:
        self._out = context.out
        self._countries = countries
        self._as_json = as_json
        self._last: dict[str, Any] | None = None

    def __call__(self, report: Report) -> None:
        warnings = problems(report)
        shape = status_json(report, warnings, self._countries)
        if self._out.stdout_is_terminal and not self._as_json:
            self._out.clear()
            print_report(report, warnings, self._out)
            self._out.flush()
        elif _steady(shape) != self._last:
            self._last = _steady(shape)
            self._write(report, shape)

    def _write(self, report: Report, shape: dict[str, Any]) -> None:
        if self._as_json:
            self._out.json_line(shape)
            return
        print_report(report, shape["warnings"], self._out)
        self._out.data("")
        self._out.flush()


def _steady(shape: dict[str, Any]) -> dict[str, Any]:
    """What is left without that which moves all the time and tells nothing."""
    workers = [{**worker, "heartbeat": None} for worker in shape["workers"]]
    sources = [{**source, "last_ok": None} for source in shape["sources"]]
    return {**shape, "workers": workers, "sources": sources, "store": shape["store"]["outdated"]}
