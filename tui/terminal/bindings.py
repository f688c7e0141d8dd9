"""Key bindings of a class, of a node, and of a whole screen, as Textual keeps them.

A file of its own since key names, help and configuration need them, and they are private.
"""

from __future__ import annotations

from typing import Any

from textual.binding import BindingsMap
from textual.dom import DOMNode
from textual.screen import Screen

from tui.terminal.private_parts import are_known


def class_bindings(kind: type[DOMNode]) -> BindingsMap:
    """Return the bindings of a class, inherited ones included."""
    merged = kind._merged_bindings if are_known("bindings") else None
    own = (BindingsMap(vars(base).get("BINDINGS", ())) for base in reversed(kind.__mro__))
    return merged or BindingsMap.merge(own)


def node_bindings(node: DOMNode) -> BindingsMap:
    """Return the bindings of a node, by the keys of the configuration."""
    if not are_known("bindings"):
        return class_bindings(type(node))
    bindings = node._bindings.copy()
    bindings.apply_keymap(node.app._keymap)
    return bindings


def bindings_in_reach(screen: Screen[Any]) -> list[BindingsMap]:
    """Return the bindings in which a key is looked up, from the focused widget to the app."""
    if not are_known("bindings"):
        return [node_bindings(node) for node in (screen, screen.app)]
    return [bindings for _, bindings in screen._modal_binding_chain]
