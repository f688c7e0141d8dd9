"""Repaints that write no more columns than those that are dirty.

Textual 8 cuts what it writes at the right of a dirty region, yet begins at the left edge of the
widget: for a countdown at the end of a line that is ten times as much as needed.
"""

from __future__ import annotations

from rich.console import Console
from textual._compositor import ChopsUpdate, Compositor


class LeanUpdate(ChopsUpdate):
    """Textual's update of parts of lines, cut at both sides."""

    def render_segments(self, console: Console) -> str:
        """What to write to the terminal."""
        return "".join(self._span(*span, console) for span in self.spans)

    def _span(self, y: int, left: int, right: int, console: Console) -> str:
        written = []
        for end, (x, strip) in zip(self.chop_ends[y], self.chops[y].items(), strict=False):
            start, stop = max(x, left), min(end, right)
            if strip is not None and start < stop:
                cut = strip.crop(start - x, stop - x)
                written.append(f"\x1b[{y + 1};{start + 1}H{cut.render(console)}")
        return "".join(written)


class LeanCompositor(Compositor):
    """Textual's compositor with such updates."""

    def render_partial_update(self) -> ChopsUpdate | None:
        """What changed since the last time, or None."""
        update = super().render_partial_update()
        return update and LeanUpdate(update.chops, update.spans, update.chop_ends)
