"""Command `tocsin status`: once, watched, or as a line for monitoring."""

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
READ_AGAIN_MS = 5_000
"""Age of a report at which it is read again though nobody wrote: heartbeats grow old."""

Show = Callable[[Report], None]


def show(args: Namespace, context: Context) -> ExitCode | None:
    """Print the state of the store once, with --watch at each change, with --check in one line."""
    if args.check:
        return _check(args, context)
    store = open_for_reading(context)
    countries = country_data_of_sources(context, store)
    if args.watch:
        _watch(store, context, StatusWatch(context, countries, as_json=args.json))
        return None
    report = read_report(store, context)
    if args.json:
        context.out.json(status_json(report, problems(report), countries))
    else:
        _print(report, countries, store, context)
    return None


def _print(report: Report, data: CountryData | None, store: Store, context: Context) -> None:
    """Print the report and the country data, which `--check` leaves out."""
    old = data.warning(report.now_ms) if data else ""
    print_report(report, [*problems(report), *([old] if old else [])], context.out)
    if data:
        context.out.data(f"places   countries are told by {data.age(report.now_ms)}")
    for line in geo_notes_of_sources(context, store):
        if line != old:
            context.out.data(f"alerts   {line}")


def _check(args: Namespace, context: Context) -> ExitCode:
    """Print the line for monitoring on stdout, also about a store that cannot be read."""
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
    """Show the state whenever it may have changed, until Ctrl+C, which is no error."""
    report = versions = None
    try:
        while True:
            seen = store.call(read_versions)
            if report is None or seen != versions or _changes_by_itself(report, context.now_ms()):
                report, versions = read_report(store, context), seen
                show(report)
            time.sleep(WATCH_S)
    except KeyboardInterrupt:
        return


def _changes_by_itself(report: Report, now_ms: int) -> bool:
    """True if a report changes though nobody writes: a time counts down, or it is old."""
    waits = any(undelivered(status) for status in report.overview.webhooks)
    return waits or not 0 <= now_ms - report.now_ms < READ_AGAIN_MS


class StatusWatch:
    """Output of --watch: draws a terminal again; elsewhere writes only a report that differs."""

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
    """The JSON without the parts that change all the time."""
    workers = [{**worker, "heartbeat": None} for worker in shape["workers"]]
    sources = [{**source, "last_ok": None} for source in shape["sources"]]
    store = {name: shape["store"][name] for name in ("outdated", "upgrade_percent", "copies")}
    return {**shape, "workers": workers, "sources": sources, "store": store}
