"""What an admin does with the body of one delivery: write it, page it, look at it in an editor."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, ClassVar

import msgspec
from rich.text import Text
from textual.binding import Binding, BindingType

from tui.delivery_actions import DeliveryActions
from tui.outside import editor, look_at, pager
from tui.screens.save import SaveScreen

NO_BODY = "there is no body: its events are no longer kept"
OUTSIDE = "outside"
"""The group of the work that waits for a pager or an editor."""


class BodyActions(DeliveryActions):
    """`post_body` is what is sent, once it is read; `request` is where to, with which headers."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w", "write", "write to file", id="delivery.write", tooltip="write the exact body"),
        Binding(
            "vertical_line",
            "page",
            "pager",
            key_display="|",
            id="delivery.pager",
            tooltip="the request in $PAGER; deliveries go on meanwhile",
        ),
        Binding(
            "e",
            "edit",
            "editor",
            id="delivery.editor",
            tooltip="a copy of the body in $EDITOR; deliveries go on meanwhile",
        ),
    ]
    delivery_id: str

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.post_body: bytes | None = None
        self.request = Text("")

    def action_write(self) -> None:
        """Ask for a file, and write the body to it."""

        def answered(told: str | None) -> None:
            if told is not None:
                self.tell(told)

        if self.post_body is None:
            self.tell_here(NO_BODY)
        else:
            screen = SaveScreen(f"{self.delivery_id}.json", self.post_body)
            self.app.push_screen(screen, answered)

    def action_page(self) -> None:
        """Show the request in the admin's pager, harmless."""
        self._look_outside(self._page)

    def action_edit(self) -> None:
        """Show the body in the admin's editor; what is changed there goes nowhere."""
        self._look_outside(self._edit)

    def _look_outside(
        self, look: Callable[[bytes, Mapping[str, str]], Coroutine[Any, Any, None]]
    ) -> None:
        """One at a time: a key that was typed twice is not for a second program."""
        if self.post_body is None:
            self.tell_here(NO_BODY)
        elif all(one.group != OUTSIDE or one.is_finished for one in self.app.workers):
            self.in_background(look(self.post_body, os.environ), group=OUTSIDE)

    async def _page(self, body: bytes, environment: Mapping[str, str]) -> None:
        text = f"{self.request.plain}\n\n{pretty(body)}\n"
        await look_at(self.app, pager(environment), f"{self.delivery_id}.txt", text)

    async def _edit(self, body: bytes, environment: Mapping[str, str]) -> None:
        program = editor(environment)
        await look_at(self.app, program, f"{self.delivery_id}.json", f"{pretty(body)}\n")
        self.tell("that was a copy: the delivery is sent as it was sealed")


def pretty(body: bytes) -> str:
    """JSON with a line for each value, numbers and strings as they stand in it."""
    return msgspec.json.format(body, indent=2).decode("utf-8", "backslashreplace")
