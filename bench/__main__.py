"""Measure all cases, or those named; `--quick` in five minutes, `--json FILE` for another file.

`python -m bench table FILE` prints the table of such a file for the manual.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench import adding, delivering, derive, idle, intake, latency, prune, start, syslog_ng, tui
from bench.program import ROOT
from bench.results import Run, goals_text, machine, markdown, save

RESULTS = ROOT / "bench" / "results.json"


@dataclass(frozen=True, slots=True)
class Case:
    """What is measured together."""

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
    "derive": Case(f"a look at {derive.PEERS:,} WireGuard peers", derive.measure, is_quick=False),
    "screen": Case("screen", tui.measure, is_quick=False),
}


def main(words: list[str]) -> int:
    """Measure, print and save; 1 if something that was delivered is not as it was queued."""
    if words[:1] == ["table"]:
        print(markdown(json.loads(Path(words[1]).read_text())), end="")
        return 0
    options = _parser().parse_args(words)
    if unknown := set(options.case) - set(CASES):
        sys.exit(f"no case {', '.join(sorted(unknown))}: there are {', '.join(CASES)}")
    names = options.case or [name for name, case in CASES.items() if _is_wanted(case, options)]
    print(
        f"{machine()}, load {os.getloadavg()[0]:.1f}. Medians of rounds (least-most); a ratio is "
        "taken within a round. On a busy machine only ratios count.\n"
        f"syslog-ng: {syslog_ng.lacking() or syslog_ng.version()}"
    )
    run = _measured(names, quick=options.quick)
    print(f"\n{goals_text(run)}")
    save(run.as_json(), options.json)
    return _report(run)


def _measured(names: list[str], *, quick: bool) -> Run:
    """Measure in a folder of its own, which is removed at the end."""
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as folder:
        run = Run(Path(folder), quick=quick)
        for name in names:
            run.begin(CASES[name].title)
            CASES[name].measure(run)
        return run


def _report(run: Run) -> int:
    bodies = sum(run.checked.values())
    print("\nNot measured:", *run.skipped or ["nothing"], sep="\n  ")
    if run.faults:
        print("\nDelivery check: FAILED", *run.faults, sep="\n  ")
        return 1
    print(f"\nDelivery check: nothing lost, doubled, reordered or changed in {bodies:,} bodies")
    return 0


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
