"""Whether to go on with a kept draft: asked when the form opens, and never answered by text."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import Button

from tui.screens.confirm import ConfirmScreen


class KeptDraftScreen(ConfirmScreen, inherit_bindings=False):
    """Whoever types ahead meets it unseen: only a key that no text has drops the draft."""

    YES_KEY = "draft.drop"
    NO_KEY = "draft.keep"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f8", "answer(True)", "drop it", id="draft.drop"),
        Binding("escape", "answer(False)", "go on with it", id="draft.keep"),
    ]

    def on_mount(self) -> None:
        self.query_one("#yes", Button).can_focus = False  # tab and enter are typed ahead too
