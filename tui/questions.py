"""Question before something is given up; a file of its own since undos and dialogs share it."""

from __future__ import annotations

import msgspec


class Question(msgspec.Struct, frozen=True):
    """A question, its costs (a line each), and the words on its two buttons."""

    text: str
    lines: tuple[str, ...] = ()
    yes: str = "Yes"
    no: str = "Cancel"
