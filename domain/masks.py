"""What of a secret is shown until the admin asks to see it."""

from __future__ import annotations

DOTS = "\u2022" * 4
_SHOWN = 4
LONG_ENOUGH = 16
"""So many letters that four of them tell little; in "Bearer TOKEN" those of the token."""


def mask_value(value: str) -> str:
    """Dots and the last four characters, or only dots where these would say too much."""
    token = value.rpartition(" ")[2]
    return DOTS + (token[-_SHOWN:] if len(token) >= LONG_ENOUGH else "")


def is_masked(value: str) -> bool:
    """Whether this is what `mask_value` shows in place of a value, which never begins so."""
    return value.startswith(DOTS)


def has_dots(text: str) -> bool:
    """Tell whether there is one of the dots that stand for what is hidden."""
    return DOTS[0] in text
