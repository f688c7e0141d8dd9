"""Questions lie over the screen that they are about, which stays seen, and live, around them.

Each of the two paints its own part of the terminal, so that a question opens and goes for the bytes
of its own lines, and no change of the screen below waits for another screen to paint it. Textual
would paint both anew from corner to corner. The parts of it that this is built on are private: one
without them paints all, in its own way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Generic, Self, TypeVar

from textual import events
from textual._compositor import Compositor
from textual.app import App
from textual.await_remove import AwaitRemove
from textual.dom import DOMNode
from textual.geometry import Region
from textual.reactive import Reactive
from textual.screen import Screen
from textual.widget import Widget

from tui.veil import VeiledScreen

T = TypeVar("T")

_PARTS = ("_compositor_refresh", "_on_screen_resume", "_refresh_layout", "_set_dirty")
_KNOWN = all(hasattr(Screen, part) for part in _PARTS) and hasattr(Compositor(), "_dirty_regions")


class UnderScreen(Screen[Any]):
    """A screen that goes on painting itself around what lies over it."""

    focused: Reactive[Widget | None] = Reactive(None, repaint=False)
    _lying_over: OverScreen[Any] | None = None
    _is_shown = False
    """Whether the terminal shows all of it, but for what is over it."""

    _stays_as_shown = False

    def lies_under(self, over: OverScreen[Any] | None) -> None:
        """Paint around this from now on, and paint what the one before it has covered."""
        before, self._lying_over = self._lying_over, over
        if before is not None and before is not over and before.covered:
            self.refresh(*before.covered)

    def is_painted_over(self) -> None:
        """Something else fills the terminal: all is to be painted anew when that is gone."""
        self._is_shown = False

    def stays_once(self) -> None:
        """Textual paints all anew when a screen comes or goes; what is shown already stays."""
        self._stays_as_shown = _KNOWN and self._is_shown

    def may_change(self) -> None:
        """The screen has come or gone: whatever is to be painted from now on is."""
        self._stays_as_shown = False

    def refresh(
        self,
        *regions: Region,
        repaint: bool = True,
        layout: bool = False,
        recompose: bool = False,
    ) -> Self:
        """As in Textual; all of it only where not all of it stays."""
        if self._stays_as_shown and not (regions or layout or recompose):
            self.may_change()
            return self
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    def _on_screen_suspend(self) -> None:
        if over_of(self) is None:
            self.is_painted_over()

    def _on_screen_resume(self, event: events.ScreenResume) -> None:
        if not self.stack_updates:
            event.refresh_styles = False  # all of it has just been styled
        if self._lying_over is not None and _KNOWN:
            event.prevent_default()
            self.stays_once()
            super()._on_screen_resume(event)
            self.may_change()
            self.lies_under(over_of(self))

    def _compositor_refresh(self) -> None:
        dirty = self._compositor._dirty_regions
        over = over_of(self)
        if (self.size.region in dirty) and (over or self.app.screen is self):
            self._is_shown = not self.app._batch_count
        if self.app._batch_count:
            return  # nothing would be written: what is dirty stays so until it can be
        if over is None:
            if self.app.screen is not self and self.app.screen.styles.background.a == 1:
                dirty.clear()  # nobody would see it
            super()._compositor_refresh()
            return
        self.lies_under(over)
        if dirty:
            over._set_dirty(*dirty)  # for a picture of the whole
        parts = [part for region in dirty for part in around(region, over.covered)]
        _replace_dirty(self._compositor, parts)
        self.app._display(self, self._compositor.render_update(screen_stack=[]))
        self._dirty_widgets.clear()


class OverScreen(VeiledScreen[T], Generic[T]):
    """A panel with the class `dialog` over a screen that stays seen."""

    covered: tuple[Region, ...] = ()
    """What it hides of the screen below."""

    _was_seen = False

    def on_screen_resume(self) -> None:
        under = _under(self)
        if under is not None and self._was_seen:
            under.refresh()
        self._was_seen = True

    def on_screen_suspend(self) -> None:
        under = _under(self)
        if under is not None:
            under.is_painted_over()

    def _compositor_refresh(self) -> None:
        under = _under(self)
        if under is not None and self.app.screen is self and not self._is_veiled:
            self._lie_over(under)
            dirty = self._compositor._dirty_regions
            own = [region.intersection(part) for region in dirty for part in self.covered]
            _replace_dirty(self._compositor, own)
        super()._compositor_refresh()

    def _lie_over(self, under: UnderScreen) -> None:
        under.lies_under(self)
        if under.size != self.size:
            under._refresh_layout(self.size)
        covered = tuple(part.region for part in self.children if part.has_class("dialog"))
        bared = [part for region in self.covered for part in around(region, covered)]
        self.covered = covered
        if bared:
            under.refresh(*bared)


class LayeredApp(App[int]):
    """Lets a screen stay as it is when a question comes or goes, and paints both when asked."""

    def push_screen(self, screen: Any, *args: Any, **named: Any) -> Any:
        """As in Textual."""
        under = self._let_stay(screen)
        pushed = super().push_screen(screen, *args, **named)
        if under is not None:
            under.may_change()
        return pushed

    async def _replace_screen(self, screen: Screen[Any]) -> Screen[Any]:
        self._let_stay(screen)
        return await super()._replace_screen(screen)

    def paint_anew(self) -> None:
        """Paint all that is seen, as after another program had the terminal."""
        for screen in self.screen_stack[-2:]:
            screen.refresh()

    def _let_stay(self, over: object) -> UnderScreen | None:
        under = next(reversed(self.screen_stack), None)
        if not (isinstance(over, OverScreen) and isinstance(under, UnderScreen)):
            return None
        under.stays_once()
        return under

    def _prune(self, *nodes: Widget, parent: DOMNode | None = None) -> AwaitRemove:
        """A screen that goes leaves no gap among those that stay, as a widget does."""
        return super()._prune(*nodes, parent=None if parent is self else parent)


def around(region: Region, holes: Iterable[Region]) -> list[Region]:
    """What is left of a region without these."""
    left = [region]
    for hole in holes:
        left = [part for one in left for part in _without(one, hole)]
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


def _replace_dirty(compositor: Compositor, regions: Iterable[Region]) -> None:
    """Let only these be dirty, without what a smaller terminal has no line for any more."""
    screen = compositor.size.region
    seen = {one for region in regions if (one := region.intersection(screen))}
    compositor._dirty_regions.clear()
    compositor._dirty_regions.update(seen)


def _under(over: OverScreen[Any]) -> UnderScreen | None:
    stack = over.app.screen_stack
    place = stack.index(over) if over in stack else 0
    under = stack[place - 1] if place else None
    return under if _KNOWN and isinstance(under, UnderScreen) else None


def over_of(under: Screen[Any]) -> OverScreen[Any] | None:
    """The question that lies over a screen now."""
    top = under.app.screen
    return top if isinstance(top, OverScreen) and _under(top) is under else None
