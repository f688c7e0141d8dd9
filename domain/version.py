"""The version of this program, as `--version` and the User-Agent say it.

A file of its own, since the build reads it.
"""

from __future__ import annotations

VERSION = "0.1.0"
