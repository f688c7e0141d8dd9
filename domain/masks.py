"""What of a secret is shown until the admin asks to see it."""

from __future__ import annotations

_DOTS = "\u2022" * 4
_SHOWN = 4
_LONG_ENOUGH = 16
"""So many letters that four of them tell little; in "Bearer TOKEN" those of the token."""


def mask_value(value: str) -> str:
    """Dots and the last four characters, or only dots where these would say too much."""
    token = value.rpartition(" ")[2]
    return _DOTS + (token[-_SHOWN:] if len(token) >= _LONG_ENOUGH else "")


def is_masked(value: str) -> bool:
    """Whether this is what `mask_value` shows in place of a value, which never begins so."""
    return value.startswith(_DOTS)
