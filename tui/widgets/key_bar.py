"""Last line of a screen: as many of its keys as fit, or the newest notice."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec
from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.app import ComposeResult
from textual.binding import ActiveBinding
from textual.keys import KEY_NAME_REPLACEMENTS, key_to_character
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from tui.sections import SECTIONS
from tui.terminal.overlays import dialog_over
from tui.widgets.notices import Notice
from tui.widgets.top_bar import NAMED_FROM

LAST = ("table.open", "back", "help")
"""Ids of the keys that every screen has, which stand after its own."""

HELP = "app.help"

_FULL_NAMES = {short: full for full, short in KEY_NAME_REPLACEMENTS.items()}


class _ShownKey(msgspec.Struct, frozen=True):
    key: str
    label: str
    text: str
    enabled: bool

    @property
    def words(self) -> str:
        """The text behind the key."""
        return f" {self.text}  " if self.text else " "

    @property
    def width(self) -> int:
        """The columns that key and text take."""
        return cell_len(self.key) + cell_len(self.words)


class KeyBar(Widget):
    """Like Textual's Footer, but it never scrolls: keys without room are behind `?`.

    A notice stands in its place for a while, on up to three lines.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "key-bar--key",
        "key-bar--text",
        "key-bar--off",
        "key-bar--notice",
        "key-bar--bad",
    }

    def __init__(self) -> None:
        super().__init__()
        self.notice: Notice | None = None

    def compose(self) -> ComposeResult:
        return ()

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._changed)
        self.app.screen_change_signal.subscribe(self, self._changed)
        self.watch(self.app, "notice", self._noticed)

    def on_resize(self) -> None:
        self._noticed(self.notice)

    def _changed(self, _screen: object) -> None:
        self.refresh()

    def _noticed(self, notice: Notice | None) -> None:
        self.notice = notice
        self.styles.height = len(self._notice_lines()) or 1
        self.refresh()

    def _notice_lines(self) -> list[str]:
        return self.notice.lines(self.size.width - 2) if self.notice is not None else []

    def render_line(self, y: int) -> Strip:
        if self.notice is None:
            return self._keys_line()
        style = self.get_component_rich_style(f"key-bar--{'bad' if self.notice.bad else 'notice'}")
        line = self._notice_lines()[y : y + 1]
        text = Segment(f" {''.join(line)} ", style)
        return Strip([text]).adjust_cell_length(self.size.width, style)

    def _keys_line(self) -> Strip:
        key_style = self.get_component_rich_style("key-bar--key")
        text_style = self.get_component_rich_style("key-bar--text")
        off_style = self.get_component_rich_style("key-bar--off")
        segments = [Segment(" ", text_style)]
        shown, complete = self._fitting()
        for key in shown:
            segments.append(Segment(key.key, key_style if key.enabled else off_style))
            segments.append(Segment(key.words, text_style if key.enabled else off_style))
        if not complete:
            segments.append(Segment(self._more().lstrip(), text_style))
        return Strip(segments).adjust_cell_length(self.size.width, text_style)

    async def on_click(self, event: events.Click) -> None:
        if self.notice is not None:
            return
        left = 1
        shown, complete = self._fitting()
        for key in shown:
            right = left + key.width
            if left <= event.x < right - 1 and key.enabled:
                self.app.simulate_key(key.label)
            left = right
        if not complete and left <= event.x < left + cell_len(self._more()):
            await self.app.run_action(HELP)

    def _fitting(self) -> tuple[list[_ShownKey], bool]:
        """Return the keys that have room and those of the sections, and True if none is missing."""
        sections, every = self._sections(), self._keys()
        room = self.size.width - 1 - sum(key.width for key in sections)
        if sum(key.width for key in every) <= room:
            return [*every, *sections], True
        room -= cell_len(self._more())
        fitting: list[_ShownKey] = []
        for key in every:
            room -= key.width
            if room < 0:
                break
            fitting.append(key)
        return [*fitting, *sections], False

    def _sections(self) -> list[_ShownKey]:
        """Return the keys of the sections, on a first screen whose first line cannot name them."""
        if self.size.width >= NAMED_FROM or len(self.app.screen_stack) > 1:
            return []
        actives = self._key_screen().active_bindings.values()
        active = {found.binding.id: found.binding for found in actives}
        there = [active[section.id] for section in SECTIONS if section.id in active]
        keys = [binding for binding in there if not self._is_typed(binding.key)]
        return [
            _ShownKey(self.app.get_key_display(key), key.key, "sections" * (key is keys[-1]), True)
            for key in keys
        ]

    def _more(self) -> str:
        """Return the key of the help, which shows the keys without room; a form has another one."""
        actives = self._key_screen().active_bindings.values()
        keys = (active.binding for active in actives if active.binding.action == HELP)
        key = next((self.app.get_key_display(binding) for binding in keys), "?")
        return f" … {key} all keys"

    def _keys(self) -> list[_ShownKey]:
        seen: set[str] = set()
        shown = []
        actives = self._key_screen().active_bindings.values()
        for active in sorted(actives, key=_place):
            binding = active.binding
            if not binding.show or binding.action in seen or self._is_typed(binding.key):
                continue
            seen.add(binding.action)
            shown.append(
                _ShownKey(
                    self.app.get_key_display(binding),
                    binding.key,
                    binding.description,
                    active.enabled,
                )
            )
        return shown

    def _key_screen(self) -> Screen[Any]:
        """Return the screen that gets the keys: the dialog, or the screen of this line."""
        return dialog_over(self.screen) or self.screen

    def _is_typed(self, key: str) -> bool:
        """Return True if the box with the keyboard takes a key as text."""
        focused = self._key_screen().focused
        character = key_to_character(_FULL_NAMES.get(key, key))
        return focused is not None and focused.check_consume_key(key, character)


def _place(active: ActiveBinding) -> int:
    return LAST.index(active.binding.id) if active.binding.id in LAST else -1
