"""A frame around what belongs together."""

from __future__ import annotations

import msgspec
from rich.cells import cell_len
from textual import events
from textual.containers import Vertical
from textual.content import Content
from textual.style import Style

CORNERS = 6
"""Columns of the upper edge that a title never has: at each end the corner, a dash and a blank."""
DASH = "─"


class Offer(msgspec.Struct, frozen=True):
    """What stands at the right of a title: a click on it does an action of the screen."""

    text: str
    action: str


class Panel(Vertical):
    """Its frame is painted anew only when the title changed: a frame is a whole screen of bytes."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id, classes="panel")
        self._title: tuple[str, Offer | None] = ("", None)
        self._shown = Content("")

    def show_title(self, title: str, offer: Offer | None = None) -> None:
        """Set the title, a text that is harmless already."""
        if (title, offer) != self._title:
            self._title = (title, offer)
            self._draw_title()

    def on_resize(self) -> None:
        self._draw_title()

    def on_descendant_focus(self) -> None:
        self._draw_title()

    def on_descendant_blur(self) -> None:
        self._draw_title()

    def _draw_title(self) -> None:
        """The title, and the offer at the other end of the edge where there is room for both."""
        title, offer = self._title
        dashes = self.outer_size.width - CORNERS - cell_len(title) - self._offered_width() - 2
        if offer is None or dashes < 1:
            shown = Content(title)
        else:
            edge = Style(foreground=self.styles.border_top[1], bold=False)
            shown = Content.assemble(title, " ", (DASH * dashes, edge), " ", offer.text)
        if shown != self._shown:
            self.border_title = self._shown = shown

    def _offered_width(self) -> int:
        offer = self._title[1]
        return cell_len(offer.text) if offer is not None else 0

    async def on_click(self, event: events.Click) -> None:
        """Do what is offered; clicks within the frame come by here too."""
        offer, right = self._title[1], self.region.right - CORNERS // 2
        on_offer = right - self._offered_width() <= event.screen_x < right
        if offer is not None and on_offer and event.screen_y == self.region.y:
            await self.app.run_action(offer.action, self.screen)
