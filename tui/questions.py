"""A question before something is given up, apart because undos and dialogs share it."""

from __future__ import annotations

import msgspec


class Question(msgspec.Struct, frozen=True):
    """The question, its costs (a line each), and the words on its two buttons."""

    text: str
    lines: tuple[str, ...] = ()
    yes: str = "Yes"
    no: str = "Cancel"
