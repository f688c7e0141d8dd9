"""Base of every screen: first and last line, live report, and work in the background."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, ParamSpec, TypeVar

from textual import events, on
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget
from textual.worker import Worker, WorkerState

from tui.questions import Question
from tui.screens.dialogs import ConfirmScreen
from tui.state.live_report import LiveReport
from tui.state.store_access import Refused, StoreAccess
from tui.state.undo import Undo, UndoStack
from tui.terminal.first_paint import take_size
from tui.terminal.memory import forget_watchers
from tui.terminal.overlays import CoverableScreen
from tui.terminal.typing_ahead import KeysMayCome
from tui.widgets.key_bar import KeyBar
from tui.widgets.live_table import LiveTable
from tui.widgets.notices import NoticeApp, show_notice
from tui.widgets.top_bar import CRUMB, CUT, TopBar
from tui.wording import worker_line

P = ParamSpec("P")
T = TypeVar("T")


def paint_top_screen(app: App[Any], *, tick: bool = False) -> None:
    """Let the screen that is seen paint the report, or with `tick` only what time changes."""
    stack = reversed(app.screen_stack)
    screen = next((screen for screen in stack if isinstance(screen, TocsinScreen)), None)
    if screen is not None and screen.is_mounted:
        screen.paint(tick=tick)


class TocsinScreen(CoverableScreen):
    """Base of the screens: the app calls `show` when the report changed, and `tick` each second."""

    CRUMBS: ClassVar[str] = ""
    UNDER: ClassVar[str] = ""
    """First part of the path of a screen that shows no path of the screens below it."""

    takes_keys = True
    """False while something is read that the keys are for: they wait until it is there."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark", "app.help", "help", key_display="?", id="help"),
        Binding("q,escape", "back", "back", id="back"),
    ]

    @dataclass
    class Failed(Message):
        """A message that work in the background failed with a bug."""

        error: Exception

    def __init__(self, access: StoreAccess, live: LiveReport) -> None:
        super().__init__()
        self._undo_in_question: tuple[Undo, Screen[Any]] | None = None
        self.access = access
        self.live = live

    def compose(self) -> ComposeResult:
        take_size(self)
        yield TopBar(f"demo {CUT}" if self.live.demo else CUT)
        yield from self.body()
        yield KeyBar()

    def crumbs(self) -> str:
        """Return what this screen adds to the path."""
        return self.CRUMBS

    def path(self) -> tuple[str, ...]:
        """Return the path to this screen, from the last screen that has an `UNDER` of its own."""
        stack = self.app.screen_stack
        below = stack[: stack.index(self)] if self in stack else []
        screens = [*(screen for screen in below if isinstance(screen, TocsinScreen)), self]
        placed = [place for place, screen in enumerate(screens) if screen.UNDER]
        screens = screens[placed[-1] if placed else 0 :]
        crumbs = [part for screen in screens for part in screen.crumbs().split(CRUMB)]
        return (
            "Tocsin demo" if self.live.demo else "Tocsin",
            *filter(None, (screens[0].UNDER, *crumbs)),
        )

    def body(self) -> Iterable[Widget]:
        """Return the widgets between the first and the last line."""
        raise NotImplementedError

    @property
    def table(self) -> LiveTable:
        """The table of this screen, for those that have one."""
        return self.query_one(LiveTable)

    def show(self) -> None:
        """Paint what the report says now; called often, so only what changed is repainted."""

    def tick(self) -> None:
        """Paint what changes with the clock alone."""
        self.show()

    def paint(self, *, tick: bool = False) -> None:
        """Paint the first line and what the report says, or with `tick` only what time changes."""
        if not self.query(TopBar):
            return  # the app is ending, as after a hang-up
        live = self.live
        status = worker_line(live.report, live.troubles, live.own_worker(), live.locked_s)
        self.query_one(TopBar).show_status(status, live.clock())
        if tick:
            self.tick()
        else:
            self.show()

    def on_screen_resume(self) -> None:
        if isinstance(self.app, NoticeApp):
            self.app.remove_notice_of_others(self)
        for top_bar in self.query(TopBar):
            # not earlier: while a screen is composed it need not stand above the others yet
            top_bar.show_path(self.path())
        forget_watchers(self.app)
        self.paint()

    def hold_keys(self) -> None:
        """Let keys wait from now on."""
        self.takes_keys = False

    def take_keys(self) -> None:
        """Let the keys come that wait, if all is read that they are for."""
        if not self.takes_keys and self.is_ready_for_keys():
            self.takes_keys = True
            self.post_message(KeysMayCome())

    def is_ready_for_keys(self) -> bool:
        """Return True if nothing is read any more that the keys are for."""
        return True

    def must_wait(self, event: events.Key | events.Paste) -> bool:
        """Return True if a key may be for this screen, and so has to wait."""
        return True

    def in_background(
        self, work: Coroutine[Any, Any, None], *, group: str = "default", exclusive: bool = False
    ) -> None:
        """Do work while keys are handled; show what is refused or fails.

        The work is cancelled when the screen is left, so it is for what only the screen needs.
        """
        self.run_worker(work, group=group, exclusive=exclusive, exit_on_error=False)

    def run_in_app(self, work: Coroutine[Any, Any, object]) -> None:
        """Do work in the background that goes on when this screen is left."""
        self.app.run_worker(work, exit_on_error=False)

    def queue_change(
        self, change: Callable[P, Awaitable[object]], *args: P.args, **named: P.kwargs
    ) -> None:
        """Make a change after those queued before it; it goes on when this screen is left."""
        self.run_in_app(self.access.change_queue.add(partial(change, *args, **named)))

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Show what was refused, and hand on what failed."""
        error = event.worker.error
        if event.state is not WorkerState.ERROR or error is None:
            return
        if isinstance(error, Refused):
            show_notice(self, str(error), bad=True)
        elif isinstance(error, Exception):
            self.post_message(self.Failed(error))

    async def carry_out(
        self, request: Awaitable[T], done: str | Callable[[T], str] | None = None
    ) -> T | None:
        """Await a change; show what was done, or why it was refused (then return None).

        `done` is the notice, or makes it from the result. What was changed is painted on the screen
        that is seen by then, whichever that is.
        """
        try:
            result = await request
        except Refused as refused:
            self.show_notice(str(refused), bad=True)
            return None
        if done is not None:
            self.show_notice(done if isinstance(done, str) else done(result))
        await self.show_what_changed()
        return result

    async def show_what_changed(self) -> None:
        """Read the store anew, and let the screen that is seen show it."""
        await self.live.reread()
        paint_top_screen(self.app)

    def confirm(
        self,
        question: Question,
        change: Callable[P, Awaitable[object]],
        *args: P.args,
        **named: P.kwargs,
    ) -> None:
        """Ask; make the change in its turn if the answer is yes.

        Nothing is asked about a store that is only read.
        """
        if self.refuses_changes():
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self.queue_change(change, *args, **named)

        self.app.push_screen(ConfirmScreen(question), answered)

    def refuses_changes(self) -> bool:
        """Return True if the store is only read, and say why: nothing opens that would write."""
        refusal = self.access.refusal
        if refusal:
            self.show_notice_here(refusal)
        return bool(refusal)

    async def undo_newest(self, undos: UndoStack) -> None:
        """Undo the last thing that was done, after asking where something is lost by it."""
        undo = undos.newest
        if undo is None:
            self.show_notice("there is nothing to undo")
            return
        if self._is_in_question(undo):
            return
        try:
            question = await undos.question_before(undo)
        except Refused as refused:
            self.show_notice(str(refused), bad=True)
            return
        if question is None:
            await self._undo(undos, undo)
        else:
            self.confirm(question, self._undo, undos, undo)
            self._undo_in_question = (undo, self.app.screen)

    def _is_in_question(self, undo: Undo) -> bool:
        known, question = self._undo_in_question or (None, None)
        return known is undo and question in self.app.screen_stack

    async def _undo(self, undos: UndoStack, undo: Undo) -> None:
        what = await self.carry_out(undos.take_back(undo))
        if what is not None:
            self.show_notice(f"undone: {what}")

    def show_notice(self, text: str, *, bad: bool = False) -> None:
        """Show a short notice in the last line, until the next key or for some seconds."""
        show_notice(self, text, bad=bad)

    def show_notice_here(self, text: str) -> None:
        """Show why a key does nothing on this screen, at most until the screen is left."""
        show_notice(self, text, bad=True, here=True)

    @on(LiveTable.KeyRefused)
    def _show_refusal(self, message: LiveTable.KeyRefused) -> None:
        self.show_notice_here(message.why)

    @property
    def unsaved_notice(self) -> str:
        """A sentence of what becomes of text that is not saved; "" if there is none."""
        return ""

    @property
    def busy_notice(self) -> str:
        """A sentence of what leaving now would cut off; "" if there is nothing."""
        return ""

    async def leave_for(self, arrive: Callable[[], Awaitable[None]]) -> None:
        """Go elsewhere; a screen that would lose something asks first."""
        await arrive()

    def action_back(self) -> None:
        """Leave this screen, unless it is the last."""
        if len(self.app.screen_stack) > 1:
            self.app.pop_screen()
