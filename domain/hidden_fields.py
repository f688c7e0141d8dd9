"""Values that hide their secrets when they are printed.

A file of its own beside `safe`, since commands that load only that need not load msgspec.
"""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec


class WithHiddenFields(msgspec.Struct, frozen=True):
    """Base of values that hold a secret: the fields that `HIDDEN` names are left out of its repr.

    A repr gets into logs and tracebacks without anybody's intention.
    """

    HIDDEN: ClassVar[tuple[str, ...]] = ()

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"{type(self).__name__}({shown})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Return what Rich shows in place of all fields: those of the repr."""
        names = (name for name in self.__struct_fields__ if name not in self.HIDDEN)
        return [(name, getattr(self, name)) for name in names]
