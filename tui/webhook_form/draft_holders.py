"""Terminals in which the form of a draft is open: what is typed there is nobody else's to drop.

A draft names the worker of its terminal while its form is open. The form gives it up when it
closes; a terminal that was killed holds nothing any more.
"""

from __future__ import annotations

import json

from store.records import Worker
from store.workers import has_no_process
from tui.live import Live

HOLDER = "holder"


def holder_of(text: str) -> str:
    """The worker that a draft's text names; "" for none, also where it cannot be read."""
    try:
        named = json.loads(text).get(HOLDER)
    except (ValueError, AttributeError):
        return ""
    return named if isinstance(named, str) else ""


def holding(holder: str, live: Live) -> Worker | None:
    """The worker of another terminal that has the draft's form open."""
    report = live.report
    if not holder or report is None or holder == live.own_worker():
        return None
    found = next((one for one in report.overview.workers if one.id == holder), None)
    if found is None or report.is_old(found) or has_no_process(found):
        return None
    return found
