"""Private parts of Textual that the screens use: one list, by the module that uses them.

Any version of Textual may rename one, so a module calls `are_known` first, and lets Textual do as
it does by itself where a part is missing. A test fails and names each missing part.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from importlib import import_module
from typing import Any

_SCREEN, _APP = "textual.screen:Screen", "textual.app:App"
_COMPOSITOR = "textual._compositor"
_DRIVER = "textual.drivers.linux_driver:LinuxDriver"

PRIVATE_PARTS: dict[str, Sequence[str]] = {
    "bindings": (
        f"{_APP}._keymap",
        f"{_SCREEN}._modal_binding_chain",
        "textual.dom:DOMNode._bindings",
        "textual.dom:DOMNode._merged_bindings",
    ),
    "drop_down": ("textual.widgets._select:SelectCurrent", "textual.widgets._select:SelectOverlay"),
    "exceptions": (
        f"{_APP}._dispatch_message",
        f"{_APP}._handle_exception",
        f"{_APP}._register_child",
        "textual.widget:Widget._dispatch_message",
    ),
    "first_paint": (
        f"{_APP}._begin_batch",
        f"{_APP}._end_batch",
        f"{_SCREEN}._layout_required",
        f"{_SCREEN}._on_timer_update",
        f"{_SCREEN}._refresh_layout",
    ),
    "driver": (
        "textual._xterm_parser:XTermParser",
        "textual.driver:Driver._debug",
        f"{_DRIVER}.exit_event",
        f"{_DRIVER}.fileno",
        f"{_DRIVER}.run_input_thread",
    ),
    "memory": (
        "textual._styles_cache:StylesCache.get_inner_outer",
        "textual.message_pump:MessagePump._closing",
        "textual.reactive:_watch.__watchers",
    ),
    "overlays": (
        f"{_APP}._batch_count",
        f"{_APP}._display",
        f"{_APP}._prune",
        f"{_APP}._replace_screen",
        f"{_APP}._screen_stack",
        f"{_COMPOSITOR}:Compositor._dirty_regions",
        f"{_COMPOSITOR}:Compositor.update_widgets",
        f"{_SCREEN}._compositor",
        f"{_SCREEN}._compositor_refresh",
        f"{_SCREEN}._dirty_widgets",
        f"{_SCREEN}._on_screen_resume",
        f"{_SCREEN}._on_timer_update",
        f"{_SCREEN}._refresh_layout",
        f"{_SCREEN}._repaint_required",
        f"{_SCREEN}._set_dirty",
    ),
    "updates": (
        f"{_COMPOSITOR}:ChopsUpdate.chop_ends",
        f"{_COMPOSITOR}:ChopsUpdate.chops",
        f"{_COMPOSITOR}:ChopsUpdate.spans",
        f"{_COMPOSITOR}:Compositor.render_full_update",
        f"{_COMPOSITOR}:Compositor.render_partial_update",
        f"{_COMPOSITOR}:CompositorUpdate",
        f"{_COMPOSITOR}:LayoutUpdate.region",
        f"{_COMPOSITOR}:LayoutUpdate.strips",
    ),
}
"""By the module that uses them, its parts: `module:name` or `module:owner.attribute`."""


@lru_cache
def are_known(user: str) -> bool:
    """Return whether the installed Textual has every part that a module uses."""
    return all(map(has_part, PRIVATE_PARTS[user]))


def has_part(part: str) -> bool:
    """Return whether the installed Textual has a part.

    An attribute of instances is one that the `__init__` of the class, or of one above it, names.
    """
    module, _, names = part.partition(":")
    name, _, attribute = names.partition(".")
    try:
        owner = getattr(import_module(module), name, None)
    except ImportError:
        return False
    return owner is not None and (
        not attribute or hasattr(owner, attribute) or attribute in _names_in(owner)
    )


def _names_in(owner: Any) -> set[str]:
    """Return the names in the code of a function, or of what starts the instances of a class."""
    kinds = owner.__mro__ if isinstance(owner, type) else ()
    functions = [vars(kind)["__init__"] for kind in kinds if "__init__" in vars(kind)] or [owner]
    codes = [function.__code__ for function in functions if hasattr(function, "__code__")]
    return {name for code in codes for name in (*code.co_names, *code.co_consts)}
