"""The buttons of a question, beside each other where that fits."""

from __future__ import annotations

from textual.containers import Horizontal
from textual.widgets import Button


class Buttons(Horizontal):
    """One below the other where the terminal, or the keys that they name, leave no room."""

    def on_resize(self) -> None:
        buttons = self.query(Button)
        needed = sum(one.outer_size.width + one.styles.margin.width for one in buttons)
        self.set_class(needed - GAP > self.size.width, "stacked")


GAP = 2
"""What stands between two of them, and so behind the last."""
