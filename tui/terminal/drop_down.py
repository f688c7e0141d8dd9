"""Parts of a drop-down, of which the open list answers keys without delay.

A file of its own since what they are built on is private: it is imported where that is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import ClassVar, Self

from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Select
from textual.widgets._select import SelectCurrent, SelectOverlay


class OpenList(SelectOverlay):
    """Open list of a drop-down; its key has the words of the other screens.

    Keys open and close it at once, so that keys typed behind them do not overtake that.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "close the list", id="choice.close"),
    ]

    def __init__(self, close: Callable[[int | None], None]) -> None:
        """`close` is called with the number of the option that was chosen, None for none."""
        super().__init__()
        self._close_with = close

    def focus(self, scroll_visible: bool = True) -> Self:
        self.screen.set_focus(self, scroll_visible)
        return self

    def action_select(self) -> None:
        """Choose the option under the cursor."""
        self._close_with(self.highlighted)

    def action_dismiss(self) -> None:
        """Choose nothing."""
        self._close_with(None)


def drop_down_parts(prompt: str, close: Callable[[int | None], None]) -> Iterator[Widget]:
    """Yield the closed box and the open list, for the `compose` of a Select."""
    yield SelectCurrent(prompt)
    yield OpenList(close).data_bind(compact=Select.compact)
