"""Cost of a process for the machine, as /proc says."""

from __future__ import annotations

import os
from pathlib import Path

KNOWN = Path("/proc/self/stat").exists()
"""False on systems without /proc: nothing of this is measured there."""


def cpu_s(pid: int) -> float:
    """Processor time so far, with that of its children that have ended, seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def rss_mb(pid: int) -> float:
    """Resident memory, millions of bytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
