"""JSON text as lines that open and fold; nothing is decoded before it is opened.

Numbers and strings are shown as they stand in the text, so that what is seen is what was sent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import msgspec

from domain.safe import safe

Kind = Literal["object", "list", "string", "number", "word", "text"]
"""`text` is a line of a long string that was opened, or of something that is no JSON."""

INDENT = 2
SHOWN = 1_000
"""Characters of one value that a line takes into account."""

MOST_LINES = 50_000
"""`open_all` ends with so many lines; the rest opens one by one."""

MOST_TEXT_LINES = 2_000

_KINDS: dict[int, Kind] = {ord("{"): "object", ord("["): "list", ord('"'): "string"}
_WORDS = frozenset(b"tfn")
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_list = msgspec.json.Decoder(list[msgspec.Raw])
_string = msgspec.json.Decoder(str)
_any = msgspec.json.Decoder(msgspec.Raw)


@dataclass(slots=True, eq=False)
class Node:
    """A line of the tree. `name` is the member's name in the object above it."""

    depth: int
    kind: Kind
    raw: bytes
    name: str | None = None
    is_open: bool = False

    @property
    def label(self) -> str:
        """The name as it begins the line, harmless."""
        return "" if self.name is None else f"{safe(self.name, 100)}: "

    @property
    def text(self) -> str:
        """The value as it stands in the JSON text, harmless, its start if it is long."""
        return safe(self.raw, SHOWN)


class JsonTree:
    """Tree of a JSON text; `lines` are those that are open now."""

    def __init__(self, data: bytes, width: int = 80) -> None:
        self.lines: list[Node] = []
        self.shared_ids: frozenset[str] = frozenset()
        """The ids that several events of the list have."""
        self._width = width
        try:
            self.lines = [_node(0, None, bytes(_any.decode(data)))]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self.lines = list(_text_lines(0, data.decode("utf-8", "backslashreplace"), width))
            return
        self.open(0)
        self.shared_ids = _shared_ids(self.lines[0])
        children = len(self.lines) - 1
        if self.lines[0].kind != "list" or children == 1:
            self.open_all()

    def can_open(self, node: Node) -> bool:
        """Return True if a line holds others: members, items, or the rest of a long string."""
        if node.kind in ("object", "list"):
            return len(node.raw) > len("{}")
        if node.kind != "string":
            return False
        used = node.depth * INDENT + len(node.label) + INDENT
        return b"\\n" in node.raw or len(node.raw) > max(self._width - used, 8)

    def set_width(self, width: int) -> None:
        """Break long strings anew for another width."""
        if width == self._width:
            return
        broken = [node for node in self.lines if node.kind == "string" and node.is_open]
        for node in broken:
            self.fold(self.lines.index(node))
        self._width = width
        for node in broken:
            self.open(self.lines.index(node))

    def toggle(self, index: int) -> None:
        """Open or fold a line."""
        if self.lines[index].is_open:
            self.fold(index)
        else:
            self.open(index)

    def open(self, index: int) -> None:
        """Show the lines that a line holds."""
        node = self.lines[index]
        if node.is_open or not self.can_open(node):
            return
        node.is_open = True
        self.lines[index + 1 : index + 1] = self._held_by(node)

    def fold(self, index: int) -> None:
        """Hide the lines that a line holds."""
        node = self.lines[index]
        if node.is_open:
            node.is_open = False
            del self.lines[index + 1 : self._end_of(index)]

    def open_all(self) -> None:
        """Open every object and list, as far as there is room."""
        lines: list[Node] = []
        waiting = self.lines[::-1]
        while waiting:
            node = waiting.pop()
            lines.append(node)
            room = len(lines) + len(waiting) < MOST_LINES
            if node.kind in ("object", "list") and not node.is_open and room:
                node.is_open = self.can_open(node)
                waiting.extend(reversed(self._held_by(node)))
        self.lines = lines

    def fold_all(self) -> None:
        """Fold everything below the first line."""
        if self.lines[0].kind == "text":
            return
        self.fold(0)
        self.open(0)

    def find(self, text: str, index: int) -> int | None:
        """Return the next line with a text, from `index` on and then from the top; None if none.

        The lines that hold it are opened on the way.
        """
        wanted = text.lower()
        for place in (index, 0):
            while place < len(self.lines):
                node = self.lines[place]
                if _reads(node, wanted):
                    return place
                if not node.is_open and wanted in _raw_text(node):
                    self.open(place)
                place += 1
        return None

    def count(self, text: str, index: int) -> tuple[int, int]:
        """Return the number of lines that `find` comes to, from the top to `index`, and in all."""
        wanted = text.lower()
        counts = [self._finds(node, wanted) for node in self.lines]
        return sum(counts[: index + 1]), sum(counts)

    def _finds(self, node: Node, wanted: str) -> int:
        """Return the number of lines with a text: this one, or those that would open below it."""
        found, waiting = 0, [node]
        while waiting:
            node = waiting.pop()
            if _reads(node, wanted):
                found += 1
            elif not node.is_open and wanted in _raw_text(node):
                waiting.extend(self._held_by(node))
        return found

    def parent_of(self, index: int) -> int:
        """Return the line that holds this one; the first line is its own."""
        depth = self.lines[index].depth
        above = (i for i in range(index - 1, -1, -1) if self.lines[i].depth < depth)
        return next(above, index)

    def item_at(self, index: int) -> int | None:
        """Return which item of the outermost list a line is in, from 0 on; None if in none."""
        if self.lines[0].kind != "list" or index == 0:
            return None
        return sum(node.depth == 1 for node in self.lines[1 : index + 1]) - 1

    def _end_of(self, index: int) -> int:
        depth = self.lines[index].depth
        end = index + 1
        while end < len(self.lines) and self.lines[end].depth > depth:
            end += 1
        return end

    def _held_by(self, node: Node) -> list[Node]:
        depth = node.depth + 1
        try:
            if node.kind == "object":
                members = _object.decode(node.raw).items()
                return [_node(depth, name, bytes(raw)) for name, raw in members]
            if node.kind == "list":
                return [_node(depth, None, bytes(raw)) for raw in _list.decode(node.raw)]
            return list(_text_lines(depth, _string.decode(node.raw), self._width))
        except (msgspec.DecodeError, UnicodeDecodeError):
            text = node.raw.decode("utf-8", "backslashreplace")
            return list(_text_lines(depth, text, self._width))


def _reads(node: Node, wanted: str) -> bool:
    """Return True if a line itself has a text, not one that may be opened below it."""
    if wanted in node.label.lower():
        return True
    return node.kind not in ("object", "list") and wanted in _raw_text(node)


def _raw_text(node: Node) -> str:
    return node.raw.decode("utf-8", "backslashreplace").lower()


def event_of(node: Node) -> tuple[str, str] | None:
    """Return the type and the id, if a line holds an event."""
    try:
        head = _head.decode(node.raw) if node.kind == "object" else None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return None if head is None else (safe(head.type, 20), safe(head.id, 64))


class _Head(msgspec.Struct):
    """Members that name an event."""

    type: str
    id: str


_head = msgspec.json.Decoder(_Head)
_heads = msgspec.json.Decoder(list[_Head])


def _shared_ids(node: Node) -> frozenset[str]:
    try:
        heads = _heads.decode(node.raw) if node.kind == "list" else []
    except (msgspec.DecodeError, UnicodeDecodeError):
        return frozenset()
    counts = Counter(safe(head.id, 64) for head in heads)
    return frozenset(id_ for id_, count in counts.items() if count > 1)


def _node(depth: int, name: str | None, raw: bytes) -> Node:
    first = raw[0]
    kind = _KINDS.get(first) or ("word" if first in _WORDS else "number")
    return Node(depth, kind, raw, name)


def _text_lines(depth: int, text: str, width: int) -> Iterator[Node]:
    room = max(8, width - depth * INDENT - INDENT)
    made = 0
    for line in text.replace("\r\n", "\n").expandtabs(4).split("\n"):
        for start in range(0, max(1, len(line)), room):
            if made == MOST_TEXT_LINES:
                yield Node(depth, "text", b"...")
                return
            made += 1
            part = line[start : start + room]
            yield Node(depth, "text", part.encode("utf-8", "backslashreplace"))
