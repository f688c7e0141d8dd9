"""Reading the JSON of a body into a shape, whatever a client made of it."""

from __future__ import annotations

from typing import TypeVar

import msgspec

Shape = TypeVar("Shape")


class NotThatShape(ValueError):
    """The body is no JSON, or another one; the text quotes nothing of it."""


def read_json(body: bytes, shape: type[Shape]) -> Shape:
    """The body in this shape; members that it has not are passed over. Raises NotThatShape."""
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise NotThatShape(type(error).__name__) from None
