"""Measure all cases, or those named; `--quick` in five minutes, `--json FILE` for another file.

`python -m bench page FILE...` puts the figures of such files into `docs/performance.md`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import adding, delivering, derive, idle, intake, latency, laws, prune, start, syslog_ng
from bench.program import ROOT
from bench.results import Run, goals_text, machine, save, section, verdict
from bench.screen import tui

RESULTS = ROOT / "bench" / "results.json"
PAGE = ROOT / "docs" / "performance.md"
HEADING = "## Last run"


@dataclass(frozen=True, slots=True)
class Case:
    """Figures that are measured together."""

    title: str
    measure: Callable[[Run], None]
    is_quick: bool = True
    """It is part of a quick run."""


CASES = {
    "flow": Case("flow, 1 receiver, 1,000 a request", delivering.flow),
    "drain": Case("drain, 1 receiver, 1,000 a request", delivering.drain),
    "ten": Case("flow, 10 receivers, 1,000 a request", delivering.flow_to_ten),
    "hundreds": Case("flow, 1 receiver, 100 a request", delivering.flow_in_hundreds),
    "many": Case("drain, 100 receivers, 100 a request", delivering.hundred_receivers),
    "secrets": Case("drain with headers and secrets", delivering.secrets),
    "kept": Case("event emit to a store that holds many", adding.to_kept),
    "beside": Case("event emit beside ten busy webhooks", adding.beside_webhooks),
    "prune": Case("prune of 1M events", prune.measure),
    "http": Case("intake over HTTP", intake.over_http),
    "socket": Case("intake by socket", intake.by_socket),
    "latency": Case("event from a source to a receiver, interval 0, linger 0", latency.measure),
    "start": Case("start of a command", start.measure),
    "idle": Case(f"idle worker, {idle.WEBHOOKS:,} webhooks", idle.measure),
    "laws": Case("the price of a law", laws.measure, is_quick=False),
    "derive": Case(f"a look at {derive.PEERS:,} WireGuard peers", derive.measure, is_quick=False),
    "screen": Case("screen", tui.measure, is_quick=False),
}


def main(words: list[str]) -> int:
    """Measure, print and save; 1 if something that was delivered is not as it was queued."""
    if words[:1] == ["page"]:
        write_page(joined([json.loads(Path(word).read_text()) for word in words[1:]]))
        return 0
    options = _parser().parse_args(words)
    if unknown := set(options.case) - set(CASES):
        sys.exit(f"no case {', '.join(sorted(unknown))}: there are {', '.join(CASES)}")
    names = options.case or [name for name, case in CASES.items() if _is_wanted(case, options)]
    print(
        f"{machine()}, load {os.getloadavg()[0]:.1f}. Medians of rounds (least-most); a ratio is "
        "taken within a round. On a busy machine only ratios count.\n"
        f"{_beside()}"
    )
    run = _measured(names, quick=options.quick)
    if not options.case and options.quick:
        left_out = [name for name, case in CASES.items() if not case.is_quick]
        run.skipped.append(f"{', '.join(left_out)}: they take longer, name them")
    print(f"\n{goals_text(run)}")
    save(run.as_json(), options.json)
    return _report(run)


def _measured(names: list[str], *, quick: bool) -> Run:
    """Measure in a folder of its own, which is removed at the end."""
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as folder:
        run = Run(Path(folder), quick, _beside())
        for name in names:
            run.begin(CASES[name].title)
            try:
                CASES[name].measure(run)
            except (AssertionError, ArithmeticError, LookupError, OSError) as error:
                traceback.print_exc()
                run.faults.append(f"{run.title}: not measured to its end: {error}")
        return run


def _report(run: Run) -> int:
    print("\nNot measured:", *run.skipped or ["nothing"], sep="\n  ")
    print(f"\n{verdict(run)}")
    return 1 if run.faults else 0


def joined(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The figures of several runs as those of one: of a case that is in more of them, the last."""
    cases = {case["title"]: case for run in runs for case in run["cases"]}
    return {
        **runs[-1],
        "cases": [cases[case.title] for case in CASES.values() if case.title in cases],
        "checked": {title: count for run in runs for title, count in run["checked"].items()},
        "faults": [fault for run in runs for fault in run["faults"]],
        "skipped": [reason for run in runs for reason in run["skipped"]],
    }


def write_page(found: Mapping[str, Any], page: Path = PAGE) -> None:
    """Put the figures of a run into the manual, in place of those of the last run."""
    before, heading, after = page.read_text().partition(f"\n{HEADING}\n")
    assert heading, f"{page} has no {HEADING!r}"
    _, following, rest = after.partition("\n## ")
    page.write_text(f"{before}{heading}\n{section(found)}{following}{rest}")


def _beside() -> str:
    return syslog_ng.lacking() or f"syslog-ng {syslog_ng.version()}"


def _is_wanted(case: Case, options: argparse.Namespace) -> bool:
    return case.is_quick or not options.quick


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("case", nargs="*", help=f"all, or some of {', '.join(CASES)}")
    parser.add_argument("--quick", action="store_true", help="fewer events and rounds")
    parser.add_argument("--json", type=Path, default=RESULTS, help="where the figures are written")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
