"""Repaints that write what changed and little else: a line over SSH has better things to carry.

Textual 8 cuts what it writes at the right of a dirty region, yet begins at the left edge of the
widget, and says the colours anew (40 bytes) for every piece of every line. Here a repaint begins
where the change does, and says colours once for all pieces in a row that share them, those of other
lines too: a countdown at the end of a line costs a tenth, twenty counters in a column a fifth.

What is built on is a private part of Textual: `tui.compositors` decides whether it can be used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from operator import itemgetter

from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, Compositor, CompositorUpdate, LayoutUpdate
from textual.strip import Strip

Piece = tuple[Style | None, str]


class LeanUpdate(CompositorUpdate):
    """What Textual's own update shows, as pieces of text that tell where they stand.

    `spent` is told how many bytes they take.
    """

    def __init__(self, update: LayoutUpdate | ChopsUpdate, spent: Callable[[int], None]) -> None:
        self._update = update
        self._spent = spent

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """What to draw a picture of."""
        return self._update.__rich_console__(console, options)

    def render_segments(self, console: Console) -> str:
        """What to write to the terminal."""
        update = self._update
        pieces = whole(update) if isinstance(update, LayoutUpdate) else parts(update)
        written = "".join(
            Strip([Segment("".join(text for _, text in run), style)]).render(console)
            for style, run in groupby(pieces, key=itemgetter(0))
        )
        self._spent(len(written.encode()))
        return written


class LeanCompositor(Compositor):
    """Textual's compositor with such updates."""

    def __init__(self, spent: Callable[[int], None]) -> None:
        super().__init__()
        self._spent = spent

    def render_full_update(self, simplify: bool = False) -> LayoutUpdate:
        """All of the screen."""
        update = super().render_full_update(simplify)
        return LeanUpdate(update, self._spent)  # type: ignore[return-value]

    def render_partial_update(self) -> ChopsUpdate | None:
        """What changed since the last time, or None."""
        update = super().render_partial_update()
        return update and LeanUpdate(update, self._spent)  # type: ignore[return-value]


def whole(update: LayoutUpdate) -> Iterator[Piece]:
    """The pieces of all lines."""
    for y, strips in enumerate(update.strips, update.region.y):
        yield from _placed(strips, update.region.x, y)


def parts(update: ChopsUpdate) -> Iterator[Piece]:
    """The pieces of parts of lines, cut at both sides."""
    for y, left, right in update.spans:
        for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
            start, stop = max(x, left), min(end, right)
            if strip is not None and start < stop:
                yield from _placed([strip.crop(start - x, stop - x)], start, y)


def _placed(strips: Iterable[Strip], x: int, y: int) -> Iterator[Piece]:
    place = f"\x1b[{y + 1};{x + 1}H"
    for text, style, _ in (segment for strip in strips for segment in strip):
        if text:
            yield style, place + text
            place = ""
