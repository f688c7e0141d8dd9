"""Repaints that write what changed and little else, for a slow line.

Textual 8 cuts what it writes at the right of a dirty region, yet begins at the left edge of the
widget, and says the colours anew (40 bytes) for every piece of every line. Here a repaint begins
where the change does, and says colours once for all pieces that share them, those of other lines
too: a countdown at the end of a line costs a tenth, twenty counters in a column a fifth. Colours
are not taken back where the next ones cover them.

The compositor of Textual that it is built on is private: this is imported where that is known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import groupby
from operator import itemgetter

from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, Compositor, CompositorUpdate, LayoutUpdate
from textual.strip import Strip

Piece = tuple[Style | None, str]
Placed = tuple[int, int, Strip]
"""A line, a column, and the text that stands there."""

RESET, BARE = "\x1b[0m", "-"
COLOURS = re.compile(r"\x1b\[[\d;]+m")


class LeanUpdate(CompositorUpdate):
    """Update that shows the same as Textual's own, as pieces of text with their places."""

    def __init__(self, update: LayoutUpdate | ChopsUpdate) -> None:
        self._update = update

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Return the parts of which a picture is drawn."""
        return self._update.__rich_console__(console, options)

    def render_segments(self, console: Console) -> str:
        """Return the text that is written to the terminal."""
        update = self._update
        pieces = whole(update) if isinstance(update, LayoutUpdate) else parts(update)
        return coloured(pieces, console)


class LeanCompositor(Compositor):
    """Compositor of Textual with lean updates."""

    def render_full_update(self, simplify: bool = False) -> LayoutUpdate:
        """Return an update of all of the screen."""
        return LeanUpdate(super().render_full_update(simplify))  # type: ignore[return-value]

    def render_partial_update(self) -> ChopsUpdate | None:
        """Return an update of what changed since the last one, or None."""
        update = super().render_partial_update()
        return update and LeanUpdate(update)  # type: ignore[return-value]


def coloured(pieces: Iterable[Piece], console: Console) -> str:
    """Return the pieces one after another as they are written, each in its style."""
    written: list[str] = []
    before: Style | None = None
    for style, run in groupby(pieces, key=itemgetter(0)):
        text = Strip([Segment("".join(text for _, text in run), style)]).render(console)
        if written and written[-1].endswith(RESET) and COLOURS.match(text):
            written[-1] = written[-1].removesuffix(RESET)
            text = text if _covers(style, before) else f"\x1b[0;{text[2:]}"
        written.append(text)
        before = style
    return "".join(written)


def whole(update: LayoutUpdate) -> Iterator[Piece]:
    """Yield the pieces of all lines."""
    for y, strips in enumerate(update.strips, update.region.y):
        yield from _placed(strips, f"\x1b[{y + 1};{update.region.x + 1}H")


def parts(update: ChopsUpdate) -> Iterator[Piece]:
    """Yield the pieces of parts of lines, cut at both sides, those of one style together."""
    chops = list(_chops(update))
    ranks: dict[Style | None, tuple[bool, int]] = {}
    for _, _, strip in chops:
        style = _first_style(strip)
        # What is bold comes last: colours alone cover it only with a reset.
        ranks.setdefault(style, (_attributes(style) != BARE, len(ranks)))
    line = None
    for y, x, strip in sorted(chops, key=lambda placed: ranks[_first_style(placed[2])]):
        yield from _placed([strip], f"\x1b[{x + 1}G" if y == line else f"\x1b[{y + 1};{x + 1}H")
        line = y


def _chops(update: ChopsUpdate) -> Iterator[Placed]:
    lines = range(len(update.chops))
    for y, left, right in update.spans:
        if y not in lines:
            continue  # the terminal has become smaller since this was to be painted
        for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
            start, stop = max(x, left), min(end, right)
            if strip is not None and start < stop:
                yield y, start, strip.crop(start - x, stop - x)


def _placed(strips: Iterable[Strip], place: str) -> Iterator[Piece]:
    for text, style, _ in (segment for strip in strips for segment in strip):
        if text:
            yield style, place + text
            place = ""


def _first_style(strip: Strip) -> Style | None:
    return next((style for text, style, _ in strip if text), None)


@lru_cache(maxsize=1024)
def _covers(style: Style | None, before: Style | None) -> bool:
    """Return whether a style written after another without a reset leaves nothing of that."""
    if style is None or before is None:
        return False
    return (
        _attributes(before) in (BARE, _attributes(style))
        and (before.color is None or style.color is not None)
        and (before.bgcolor is None or style.bgcolor is not None)
    )


@lru_cache(maxsize=1024)
def _attributes(style: Style | None) -> str:
    """Return the attributes of a style beside its colours; `BARE` if none."""
    return BARE if style is None else style.without_color.render(BARE)
