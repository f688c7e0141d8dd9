"""The app: its screens, its keys, and the regular read of the store that drives them."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, on
from textual.app import SystemCommand
from textual.binding import ActiveBinding, Binding, BindingType
from textual.command import Provider
from textual.filter import LineFilter
from textual.screen import Screen
from textual.worker import Worker, WorkerState

from tui.key_names import ENTER, key_of, keys_do
from tui.screens.base import TocsinScreen, paint_top_screen
from tui.screens.dialogs import ConfirmScreen
from tui.screens.help import HelpScreen
from tui.screens.quitting import question_before_leaving, reason_to_stay
from tui.screens.store_gone import StoreGoneScreen, cover_without_store
from tui.screens.too_small import TooSmallScreen, cover_while_small
from tui.sections import SECTIONS
from tui.shell.clipboard import copy
from tui.shell.crashes import FailureHandler
from tui.shell.navigation import SECTION_KEYS, Navigation
from tui.shell.palette import Actions, commands
from tui.shell.themes import ThemeFollower
from tui.state.live_report import REFRESH_S, LiveReport
from tui.state.store_access import StoreAccess
from tui.terminal.exceptions import CatchingApp
from tui.terminal.first_paint import hold_back_paint, paint_first
from tui.terminal.memory import share_colours
from tui.terminal.typing_ahead import QUIT
from tui.webhook_form.waiting_drafts import announce_drafts
from tui.widgets.notices import Notice, NoticeApp, NoticePosted, show_notice

if TYPE_CHECKING:
    from tui.shell.themes import NoColour

TICK_S = 0.95
"""A second, less the time by which a refresh may be early."""

LEAST_REST_S = 0.05
"""The time that a slow refresh leaves to the keys."""

LEAVING = "leaving"
"""The class of the question that opens only once, however often the key is pressed."""


class TocsinApp(NoticeApp, CatchingApp):
    """App of an admin on one terminal."""

    CSS_PATH = "app.tcss"
    TITLE = "Tocsin"
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {Actions}
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012 - Textual types it as an instance variable
        (0, "-tiny"),
        (60, "-narrow"),
        (100, "-wide"),
    ]
    VERTICAL_BREAKPOINTS = [  # noqa: RUF012 - the same
        (0, "-flat"),
        (15, "-low"),
        (32, "-high"),
    ]
    DEFAULT_MODE = SECTIONS[0].name
    _copied = ""
    _may_work = False
    BINDINGS: ClassVar[list[BindingType]] = [
        *SECTION_KEYS,
        Binding(
            "ctrl+p",
            "command_palette",
            "palette",
            show=False,
            priority=True,
            id="palette",
            tooltip="find any action or place by its words",
        ),
        Binding("ctrl+q", "leave", "quit", show=False, priority=True, id=QUIT),
    ]

    def __init__(
        self,
        access: StoreAccess,
        *,
        keymap: Mapping[str, str] | None = None,
        keep_bug: Callable[[BaseException], str] = repr,
        clock: Callable[[], str] = lambda: time.strftime("%H:%M"),
        demo: bool = False,
        news: str = "",
    ) -> None:
        """Make the app; `keep_bug` is as in FailureHandler, `news` is shown on the first screen.

        The store of a `demo` does not outlive the app, so that leaving needs no question; each
        screen says that it is one.
        """
        super().__init__()
        self._access = access
        self.live = LiveReport(
            access,
            own_worker=self._own_worker,
            own_trouble=lambda: access.worker.trouble,
            clock=clock,
            demo=demo,
        )
        self.failures = FailureHandler(self, self.live, keep_bug)
        self.navigation = Navigation(self, access, self.live)
        self._no_colour: NoColour | None = None
        share_colours()
        if self.no_color:
            from tui.shell.themes import NoColour  # few want that

            self._no_colour = NoColour(self)
        self.animation_level = "none"  # a slow line has better things to carry
        self._theme = ThemeFollower()
        self._worker = access.worker
        self._news = news
        self._given_keymap = dict(keymap or {})
        self._following: asyncio.Task[None] | None = None
        self._event_loop: asyncio.AbstractEventLoop | None = None

    async def on_load(self) -> None:
        self._event_loop = asyncio.get_running_loop()
        self.set_keymap(self._given_keymap)
        if self._news:
            self.post_message(NoticePosted(Notice(self._news, bad=True)))
        await self.live.refresh()

    async def on_mount(self) -> None:
        hold_back_paint(self)
        self.navigation.add_sections()
        self._theme.follow(self, self.live.report)
        self._following = asyncio.create_task(self._follow())
        self.app_resume_signal.subscribe(self, lambda _: self.repaint())
        cover_while_small(self, self.size)

    def on_ready(self) -> None:
        self.failures.is_open = True
        paint_first(self, then=self._begin_work)

    def _begin_work(self) -> None:
        """Start the worker, which loads much, and garbage collection, after the first paint."""
        gc.freeze()  # what is loaded now stays: no collection needs to look at it again
        gc.enable()
        if not self._news:
            self.run_worker(
                announce_drafts(self.screen, self._access, self.live), exit_on_error=False
            )
        self._may_work = True
        self._start_worker()

    def _start_worker(self) -> None:
        """Start the worker, which waits for the upgrade of an older store by another process."""
        if self._may_work and not self._access.store.outdated:
            self._worker.start()

    def on_resize(self, event: events.Resize) -> None:
        if self._following is not None:
            cover_while_small(self, event.size)

    async def on_unmount(self) -> None:
        if self._following is not None:
            self._following.cancel()
        self.live.close()

    async def _follow(self) -> None:
        """Refresh the report a few times a second, and the countdowns once a second."""
        painted_s = refreshed_s = 0.0
        while True:
            spent_s = time.monotonic() - refreshed_s
            await asyncio.sleep(max(LEAST_REST_S, REFRESH_S - spent_s))
            refreshed_s = time.monotonic()
            try:
                is_news = await self._refresh_report()
                self._start_worker()
                if is_news:
                    self.paint()
                elif refreshed_s - painted_s < TICK_S:
                    continue
                elif self._ticks():
                    self.paint(tick=True)
            except Exception as error:
                self.handle_failure(error)
            painted_s = refreshed_s

    async def _refresh_report(self) -> bool:
        """Refresh the report; where the store is locked for seconds, show that meanwhile."""
        refreshing = asyncio.ensure_future(self.live.refresh())
        try:
            while True:
                done, _ = await asyncio.wait({refreshing}, timeout=TICK_S)
                can_write_again = await self.live.notice_lock()
                if done:
                    return refreshing.result() or can_write_again
                self.paint(tick=True)
        finally:
            refreshing.cancel()

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.InputEvent | events.Resize):
            self.live.last_key_ms = self._access.now_ms()
        await super().on_event(event)

    def _ticks(self) -> bool:
        return self.live.needs_tick(self._access.now_ms())

    def paint(self, *, tick: bool = False) -> None:
        """Let the present screen paint the report."""
        self._theme.follow(self, self.live.report)
        if tick:
            self.live.pass_time(self._access.now_ms())
        paint_top_screen(self, tick=tick)
        cover_without_store(self, self.live.gone)

    def _own_worker(self) -> str | None:
        if self._access.store.outdated and not self._worker.is_begun:
            return None
        return self._worker.id

    def handle_failure(self, error: Exception) -> None:
        self.failures.handle(error)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Handle an exception in background work that belongs to no screen."""
        error = event.worker.error
        if event.state is WorkerState.ERROR and isinstance(error, Exception):
            self.handle_failure(error)

    @on(TocsinScreen.Failed)
    def _screen_failed(self, message: TocsinScreen.Failed) -> None:
        self.handle_failure(message.error)

    @property
    def clipboard(self) -> str:
        """The text that was copied last, which Ctrl+V puts into a box."""
        return self._copied

    def copy_to_clipboard(self, text: str) -> None:
        """Copy a selection; Ctrl+V finds it at once, however long the way out takes."""
        self._copied = text
        self.run_worker(copy(self.screen, text))

    def send_to_terminal(self, text: str) -> None:
        """Copy a text by OSC 52, as Textual does."""
        self._copied = text
        super().copy_to_clipboard(text)

    def get_default_screen(self) -> Screen[Any]:
        """Return the first screen; Textual would parse all styles anew for that of a mode."""
        return self.navigation.first_screen()

    async def action_section(self, name: str) -> None:
        """Go to a section as it was left; within it, to its first screen."""
        await self.navigation.go_to(name)

    async def action_panel(self) -> None:
        """Go to the panel that leads to all of Admin."""
        await self.navigation.open_panel()

    def action_command_palette(self) -> None:
        """Open the palette, unless there is no room for it or no store."""
        if not isinstance(self.screen, TooSmallScreen | StoreGoneScreen):
            super().action_command_palette()

    def action_help(self) -> None:
        """Show every key of the present screen with its action."""
        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(self.screen), self._do_chosen)

    async def _do_chosen(self, chosen: ActiveBinding | None) -> None:
        if chosen is not None:
            await self.run_action(chosen.binding.action, chosen.node)

    def action_help_quit(self) -> None:
        """Show the key that quits, as the answer to ctrl+c."""
        show_notice(self.screen, keys_do((key_of(self.screen, "quit"), "quits")))

    def end_soon(self) -> None:
        """End the app from a signal handler, if it has not ended."""
        if self._event_loop is not None:
            with suppress(RuntimeError):
                self._event_loop.call_soon_threadsafe(self.exit, 0)

    def action_leave(self) -> None:
        """Quit; ask first if something would be lost, or nobody else sends the waiting events."""
        if self.live.gone:
            self.exit(0)  # nothing can be done or saved any more
            return
        keys = self.take_dropped()
        reason = reason_to_stay(self.screen_stack)
        if reason:
            show_notice(self.screen, reason, bad=True)
            return
        own = self._worker.worker_id if self._worker.alive else None
        question = question_before_leaving(
            self.live.report,
            own,
            self.screen_stack,
            changes=self._access.change_queue.count,
            keys=keys,
        )
        if question is None or self.live.demo:
            self.exit(0)
        elif not self.screen.has_class(LEAVING):
            screen = ConfirmScreen(question)
            screen.add_class(LEAVING)
            self.push_screen(screen, lambda yes: self.exit(0) if yes else None)

    def get_key_display(self, binding: Binding) -> str:
        """Return one sign for the enter key, whichever binding has it."""
        return ENTER if binding.key == "enter" else super().get_key_display(binding)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Return the filters of the colours of each line."""
        filters = super().get_line_filters()
        return filters if self._no_colour is None else self._no_colour.instead_of_greys(filters)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        return commands(self.navigation, screen)
