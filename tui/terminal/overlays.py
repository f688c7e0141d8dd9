"""Dialogs over the screen that they are about, which stays seen, and live, around them.

Each of the two paints its own part of the terminal: a dialog opens and closes for the bytes of its
own lines, and no change of the screen below waits for another screen to paint it. Textual would
paint both anew from corner to corner, and does where a private part of it is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from textual import events
from textual.app import App
from textual.await_remove import AwaitRemove
from textual.dom import DOMNode
from textual.geometry import Region
from textual.reactive import Reactive
from textual.screen import ModalScreen, Screen
from textual.widget import Widget

from tui.terminal.first_paint import lay_out
from tui.terminal.private_parts import are_known

if TYPE_CHECKING:
    from textual._compositor import Compositor

T = TypeVar("T")


class CoverableScreen(Screen[Any]):
    """Screen that goes on painting itself around the dialog that covers a part of it."""

    focused: Reactive[Widget | None] = Reactive(None, repaint=False)
    _dialog: DialogScreen[Any] | None = None
    """The dialog that it last painted itself around."""

    _is_shown = False
    """True while the terminal shows all of it, but for what the dialog covers."""

    _skips_refresh = False
    """True while Textual refreshes it only because a dialog opens or closes."""

    def __init__(self) -> None:
        super().__init__()
        _write_less(self)

    def set_dialog(self, dialog: DialogScreen[Any] | None) -> None:
        """Paint around this dialog from now on, and paint what the one before it covered."""
        before, self._dialog = self._dialog, dialog
        if before is not None and before is not dialog and before.covered:
            self.refresh(*before.covered)

    def forget_paint(self) -> None:
        """Paint all of it when it is seen again: something else fills the terminal."""
        self._is_shown = False

    def keep_paint(self) -> None:
        """Skip the refresh that Textual does when a dialog opens or closes, if all is shown."""
        self._skips_refresh = are_known("overlays") and self._is_shown

    def allow_refresh(self) -> None:
        """Refresh as ever from now on: the dialog is open, or closed."""
        self._skips_refresh = False

    def refresh(
        self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False
    ) -> Self:
        """Refresh as Textual does, but for the whole of a screen that is to keep its paint."""
        if self._skips_refresh and not (regions or layout or recompose):
            self.allow_refresh()
            return self
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    def on_screen_suspend(self) -> None:
        if dialog_over(self) is None:
            self.forget_paint()

    def _on_screen_resume(self, event: events.ScreenResume) -> None:
        if not self.stack_updates:
            event.refresh_styles = False  # all of it has just been styled
        if self._dialog is not None and are_known("overlays"):
            event.prevent_default()
            self.keep_paint()
            super()._on_screen_resume(event)
            self.allow_refresh()
            self.set_dialog(dialog_over(self))

    def _on_timer_update(self) -> None:
        """Note which widgets wait to be painted: a refresh of parts of the screen drops them."""
        if are_known("overlays"):
            self._compositor.update_widgets(self._dirty_widgets)
        super()._on_timer_update()

    def _compositor_refresh(self) -> None:
        if not are_known("overlays"):
            super()._compositor_refresh()
            return
        self._compositor.update_widgets(self._dirty_widgets)
        dirty = self._compositor._dirty_regions
        dialog = dialog_over(self)
        if self.size.region in dirty and (dialog or self.app.screen is self):
            self._is_shown = not self.app._batch_count
        if self.app._batch_count:
            return  # nothing would be written: what is dirty stays so until it can be
        if dialog is not None:
            self._paint_around(dialog)
            return
        if self.app.screen is not self and self.app.screen.styles.background.a == 1:
            self.forget_paint()  # nobody would see it
            dirty.clear()
        super()._compositor_refresh()

    def _paint_around(self, dialog: DialogScreen[Any]) -> None:
        self.set_dialog(dialog)
        dirty = self._compositor._dirty_regions
        if dirty:
            dialog._set_dirty(*dirty)  # for a picture of the whole
        _set_dirty_regions(
            self._compositor,
            (part for region in dirty for part in subtract(region, dialog.covered)),
        )
        self.app._display(self, self._compositor.render_update(screen_stack=[]))
        self._dirty_widgets.clear()


class ModalPanel(ModalScreen[T], Generic[T]):
    """Modal screen that is painted once, when all of its widgets know their sizes."""

    focused: Reactive[Widget | None] = Reactive(None, repaint=False)

    def __init__(self) -> None:
        super().__init__()
        self._waits_for_sizes = are_known("overlays")
        _write_less(self)

    def on_mount(self) -> None:
        if self._waits_for_sizes:
            self._after_widgets(self._lay_out)

    def _lay_out(self) -> None:
        lay_out(self)
        self._after_widgets(self._paint_once)

    def _paint_once(self) -> None:
        lay_out(self)
        self._waits_for_sizes = False
        self._repaint_required = False
        self._compositor_refresh()

    def _after_widgets(self, then: Callable[[], None]) -> None:
        """Call a function when the widgets have handled the messages that they were sent so far."""
        self.call_later(self.app.call_later, then)

    def _compositor_refresh(self) -> None:
        if not self._waits_for_sizes:
            super()._compositor_refresh()


class DialogScreen(ModalPanel[T], Generic[T]):
    """Modal screen of one widget, with the class `dialog`, over a screen that stays seen."""

    covered: tuple[Region, ...] = ()
    """The parts of the screen below that it hides."""

    _was_seen = False

    def on_screen_resume(self) -> None:
        below = _screen_below(self)
        if below is not None and self._was_seen:
            below.refresh()
        self._was_seen = True

    def on_screen_suspend(self) -> None:
        below = _screen_below(self)
        if below is not None:
            below.forget_paint()

    def _compositor_refresh(self) -> None:
        below = _screen_below(self) if are_known("overlays") else None
        if below is not None and self.app.screen is self and not self._waits_for_sizes:
            self._hide_parts_of(below)
            dirty = self._compositor._dirty_regions
            own = [region.intersection(part) for region in dirty for part in self.covered]
            _set_dirty_regions(self._compositor, own)
        super()._compositor_refresh()

    def _hide_parts_of(self, below: CoverableScreen) -> None:
        below.set_dialog(self)
        if below.size != self.size:
            below._refresh_layout(self.size)
        covered = tuple(part.region for part in self.children if part.has_class("dialog"))
        bared = [part for region in self.covered for part in subtract(region, covered)]
        self.covered = covered
        if bared:
            below.refresh(*bared)


class OverlayApp(App[int]):
    """App whose screens keep their paint when a dialog opens or closes."""

    def push_screen(self, screen: Any, *args: Any, **named: Any) -> Any:
        """Show a screen above the others, as Textual does."""
        below = self._keep_paint_below(screen)
        pushed = super().push_screen(screen, *args, **named)
        if below is not None:
            below.allow_refresh()
        return pushed

    async def _replace_screen(self, screen: Screen[Any]) -> Screen[Any]:
        self._keep_paint_below(screen)
        return await super()._replace_screen(screen)

    def repaint(self) -> None:
        """Paint all that is seen, as after another program had the terminal."""
        for screen in self.screen_stack[-2:]:
            screen.refresh()

    def _keep_paint_below(self, dialog: object) -> CoverableScreen | None:
        below = next(reversed(self.screen_stack), None)
        if not (isinstance(dialog, DialogScreen) and isinstance(below, CoverableScreen)):
            return None
        below.keep_paint()
        return below

    def _prune(self, *nodes: Widget, parent: DOMNode | None = None) -> AwaitRemove:
        """Remove nodes; unlike a widget, a screen that goes leaves no gap to lay out anew."""
        return super()._prune(*nodes, parent=None if parent is self else parent)


def dialog_over(screen: Screen[Any]) -> DialogScreen[Any] | None:
    """Return the dialog that covers a part of a screen now."""
    top = screen.app.screen
    return top if isinstance(top, DialogScreen) and _screen_below(top) is screen else None


def _screen_below(dialog: DialogScreen[Any]) -> CoverableScreen | None:
    stack = dialog.app.screen_stack
    place = stack.index(dialog) if dialog in stack else 0
    below = stack[place - 1] if place else None
    return below if isinstance(below, CoverableScreen) else None


def remove_screen(app: App[Any], screen: Screen[Any]) -> None:
    """Remove a screen, also from below others; if Textual has no part for that, it stays."""
    if screen is app.screen:
        app.pop_screen()
    elif are_known("overlays") and screen in app._screen_stack:
        app._screen_stack.remove(screen)
        screen.remove()


def subtract(region: Region, holes: Iterable[Region]) -> list[Region]:
    """Return what is left of a region without the holes."""
    left = [region]
    for hole in holes:
        left = [part for whole in left for part in _without(whole, hole)]
    return left


def _without(region: Region, hole: Region) -> Iterator[Region]:
    hole = region.intersection(hole)
    if not hole:
        yield region
        return
    beside = (
        Region.from_corners(region.x, region.y, region.right, hole.y),
        Region.from_corners(region.x, hole.y, hole.x, hole.bottom),
        Region.from_corners(hole.right, hole.y, region.right, hole.bottom),
        Region.from_corners(region.x, hole.bottom, region.right, region.bottom),
    )
    yield from filter(None, beside)


def _set_dirty_regions(compositor: Compositor, regions: Iterable[Region]) -> None:
    """Make these the only dirty regions, without parts outside a terminal that became smaller."""
    screen = compositor.size.region
    seen = {part for region in regions if (part := region.intersection(screen))}
    compositor._dirty_regions.clear()
    compositor._dirty_regions.update(seen)


def _write_less(screen: Screen[Any]) -> None:
    """Give a screen the compositor that writes little more than what changed."""
    if are_known("updates"):
        from tui.terminal.updates import LeanCompositor

        screen._compositor = LeanCompositor()
