"""What a key of WireGuard looks like."""

from __future__ import annotations

import re

KEY = re.compile(r"[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=")
"""The base64 of 32 bytes."""
