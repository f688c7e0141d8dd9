"""Which compositor paints a screen: the lean one, or Textual's own where that cannot be had."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature

from textual import _compositor
from textual._compositor import Compositor

_UPDATES = {"ChopsUpdate": {"chops", "spans", "chop_ends"}, "LayoutUpdate": {"strips", "region"}}
_METHODS = ("render_full_update", "render_partial_update")


def new_compositor(spent: Callable[[int], None]) -> Compositor:
    """A compositor, which tells how many bytes it writes.

    A Textual whose private parts are others paints the same in more bytes, and tells nothing.
    """
    if not _is_as_known():
        return Compositor()
    from tui.lean_updates import LeanCompositor

    return LeanCompositor(spent)


def _is_as_known() -> bool:
    """Whether this Textual has what the lean updates are built on."""
    return (
        hasattr(_compositor, "CompositorUpdate")
        and all(hasattr(Compositor, method) for method in _METHODS)
        and all(
            hasattr(_compositor, name)
            and parts == signature(getattr(_compositor, name)).parameters.keys()
            for name, parts in _UPDATES.items()
        )
    )
