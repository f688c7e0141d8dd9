"""Prints the entries of a file as `journalctl -o json` prints those of a journal.

As the real one does, it prints everything where the cursor is gone, and fails where it is none.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path


def main() -> int:
    """The file comes first, then the options of journalctl."""
    entries = [json.loads(line) for line in Path(sys.argv[1]).read_text().splitlines()]
    options = dict(option.lstrip("-").partition("=")[::2] for option in sys.argv[2:])
    if options["output"] != "json":
        return 0
    cursor, since = options.get("after-cursor"), options.get("since")
    if cursor is not None:
        if not re.fullmatch(r"s=[0-9a-f]+;i=[0-9a-f]+;.*", cursor):
            print("Failed to seek to cursor: Invalid argument", file=sys.stderr)
            return 1
        cursors = [entry["__CURSOR"] for entry in entries]
        entries = entries[cursors.index(cursor) + 1 :] if cursor in cursors else entries
    if since is not None:
        start_us = int(since.removeprefix("@")) * 1_000_000
        entries = [one for one in entries if int(one["__REALTIME_TIMESTAMP"]) >= start_us]
    for entry in entries:
        print(json.dumps(entry))
    return 0


sys.exit(main())
