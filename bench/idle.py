"""A worker that has nothing to do."""

from __future__ import annotations

import time

from bench import processes
from bench.program import worker
from bench.results import Figure, Run
from bench.stores import add_webhooks, new_path, opened

WEBHOOKS = 1_000
MOST_MB = 46.5
MOST_PERCENT = 0.15
"""Goals: no more than a worker took before an interval of 0 and group commits."""

SETTLE_S = 2.0
WATCH_S = 20.0


def measure(run: Run) -> None:
    """The memory and the processor time of a headless worker."""
    if not processes.KNOWN:
        run.skip("this system has no /proc")
        return
    db = new_path(run.folder)
    with opened(db) as store:
        add_webhooks(store, [f"http://127.0.0.1:9/{number}" for number in range(WEBHOOKS)])
    with worker(db) as idle:
        time.sleep(SETTLE_S)
        before_s = idle.cpu_s
        time.sleep(WATCH_S)
        percent = (idle.cpu_s - before_s) / WATCH_S * 100
        megabytes = processes.rss_mb(idle.pid)
    run.add(
        [
            Figure("memory (RSS)", "MB", (megabytes,), at_most=MOST_MB),
            Figure("processor time", "% of one", (percent,), at_most=MOST_PERCENT),
        ]
    )
