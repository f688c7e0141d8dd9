"""What a worker costs that has nothing to do."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

from bench.processes import cpu_s, rss_mb
from bench.program import TOCSIN, environment
from bench.report import Figure, show
from bench.stores import add_webhooks, new_path, opened

WEBHOOKS = 10
SETTLE_S = 2.0
WATCH_S = 20.0
RSS_GOAL_MB = 60
CPU_GOAL_PERCENT = 0.5


def measure(folder: Path) -> None:
    """Print the memory and the processor time of an idle headless worker."""
    if not Path("/proc/self/stat").exists():
        print("\nIdle worker: not measured, this system has no /proc")
        return
    db = new_path(folder)
    with opened(db) as store:
        add_webhooks(store, [f"http://127.0.0.1:9/{number}" for number in range(WEBHOOKS)])
    process = subprocess.Popen(
        (TOCSIN, "--db", str(db), "worker", "run"),
        stderr=subprocess.PIPE,
        text=True,
        env=environment(folder),
    )
    try:
        assert process.stderr is not None
        assert "sending" in process.stderr.readline()
        time.sleep(SETTLE_S)
        before_s = cpu_s(process.pid)
        time.sleep(WATCH_S)
        percent = (cpu_s(process.pid) - before_s) / WATCH_S * 100
        megabytes = rss_mb(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate()
    show(
        f"Idle headless worker, {WEBHOOKS} webhooks, watched for {WATCH_S:.0f} s",
        [
            Figure("memory (RSS)", megabytes, "MB", at_most=RSS_GOAL_MB),
            Figure("processor time", percent, "% of one", at_most=CPU_GOAL_PERCENT),
        ],
    )
