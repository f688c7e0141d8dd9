"""Notices of one sentence: an action that was done, or refused and why. Only the newest is shown.

A notice takes the place of the keys in the last line, of every screen that has such a line: whoever
goes on to another screen meanwhile still reads it. It stays until a dialog has been answered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
from rich.cells import cell_len, chop_cells
from textual import events, on
from textual.events import Event
from textual.message import Message
from textual.reactive import reactive
from textual.screen import ModalScreen, Screen
from textual.timer import Timer

from domain.safe import safe
from tui.cells import fit
from tui.terminal.typing_ahead import OrderedKeysApp

SECONDS = 6.0
BAD_SECONDS = 12.0
BAD_LASTS_S = 1.5
"""A key removes a notice, but an error only after this time, for those who type ahead."""

LONGEST = 300
MOST_LINES = 3
BAD_SIGN = "✗ "


class Notice(msgspec.Struct, frozen=True):
    """A notice; `bad` if something failed or was refused.

    One with a screen explains why a key does nothing there, and goes when that screen is left.
    """

    text: str
    bad: bool = False
    screen: Screen[Any] | None = None

    def lines(self, width: int) -> list[str]:
        """Return the notice in lines of this width, three at most; an error begins with a sign."""
        text = f"{BAD_SIGN if self.bad else ''}{safe(self.text, LONGEST)}"
        lines = [""]
        for word in text.split(" "):
            for piece in chop_cells(word, max(1, width)):
                longer = f"{lines[-1]} {piece}".lstrip()
                if cell_len(longer) <= width:
                    lines[-1] = longer
                else:
                    lines.append(piece)
        kept, rest = lines[: MOST_LINES - 1], lines[MOST_LINES - 1 :]
        return [fit(line, width) for line in ([*kept, " ".join(rest)] if rest else kept)]


@dataclass
class NoticePosted(Message):
    """A notice is to be shown; the screen that posted it may be gone before."""

    notice: Notice


def show_notice(screen: Screen[Any], text: str, *, bad: bool = False, here: bool = False) -> None:
    """Show a notice for some seconds or until the next key; `here` only on this screen."""
    screen.app.post_message(NoticePosted(Notice(text, bad, screen if here else None)))


class NoticeApp(OrderedKeysApp):
    """App that keeps the newest notice until it was seen; the key bars of the screens watch it."""

    notice: reactive[Notice | None] = reactive[Notice | None](None)
    _notice_timer: Timer | None = None
    _notice_lasts = False

    @on(NoticePosted)
    def _show_posted(self, message: NoticePosted) -> None:
        notice = message.notice
        self.notice = notice
        self._notice_lasts = notice.bad
        self._time_notice(BAD_LASTS_S if notice.bad else SECONDS)

    def _time_notice(self, seconds: float) -> None:
        if self._notice_timer is not None:
            self._notice_timer.stop()
        self._notice_timer = self.set_timer(seconds, self.end_notice)

    def remove_notice_of_others(self, screen: Screen[Any]) -> None:
        """Remove a notice of another screen than the one that is shown now."""
        if self.notice is not None and self.notice.screen not in (None, screen):
            self.notice = None

    def end_notice(self) -> None:
        """Remove the notice; an error stays for a key first, one below a dialog its time again."""
        if self.notice is None or not self.screen_stack:  # called when the app has ended
            return
        if isinstance(self.screen, ModalScreen):
            self._time_notice(SECONDS)
        elif self._notice_lasts:
            self._notice_lasts = False
            self._time_notice(BAD_SECONDS - BAD_LASTS_S)
        else:
            self.notice = None

    async def on_event(self, event: Event) -> None:
        if isinstance(event, events.Key | events.MouseDown) and not event.is_forwarded:
            self._remove_notice()
        await super().on_event(event)

    def _remove_notice(self) -> None:
        if self.notice is None or self._notice_lasts or isinstance(self.screen, ModalScreen):
            return
        self.notice = None
