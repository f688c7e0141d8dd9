"""The version of this program, as `--version` and the User-Agent say it."""

from __future__ import annotations

VERSION = "0.1.0"
