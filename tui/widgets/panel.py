"""Frame with a title around widgets that belong together."""

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
    """Text at the right of a title; a click on it does an action of the screen."""

    text: str
    action: str


class Panel(Vertical):
    """Frame that is painted only when its title changed, since it costs a screenful of bytes."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id, classes="panel")
        self._title: tuple[str, Offer | None] = ("", None)
        self._shown = Content("")

    def show_title(self, title: str, offer: Offer | None = None) -> None:
        """Set the title, a text that is harmless already, and the offer at its right."""
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
        """Draw the title, and the offer at the other end of the edge where both have room."""
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
        """Do the action of the offer, if that was clicked and not something within the frame."""
        offer, right = self._title[1], self.region.right - CORNERS // 2
        on_offer = right - self._offered_width() <= event.screen_x < right
        if offer is not None and on_offer and event.screen_y == self.region.y:
            await self.app.run_action(offer.action, self.screen)
