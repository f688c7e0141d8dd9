"""What of a secret is shown until the admin asks to see it."""

from __future__ import annotations

_DOTS = "\u2022" * 4
_SHOWN = 4
_LONG_ENOUGH = 12


def mask_value(value: str) -> str:
    """Dots and the last four characters, or only dots where these would say too much."""
    return _DOTS + (value[-_SHOWN:] if len(value) >= _LONG_ENOUGH else "")
