"""The `100 Continue` of a request, held back until its body is wanted."""

from __future__ import annotations

import asyncio
from typing import Any

_CONTINUE = b"HTTP/1.1 100 "


class ContinueWriter:
    """What hypercorn writes to. It says `100 Continue` at once, whether the body is wanted or not.

    Here an answer that comes first takes its place, and the client sends no body for nothing.
    """

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._held = b""
        self._wanted = False

    def write(self, data: bytes) -> None:
        """Write it; a `100 Continue` only when the body is wanted."""
        if data.startswith(_CONTINUE) and not self._wanted:
            self._held = data
            return
        self._held = b""
        self._writer.write(data)

    def want_body(self) -> None:
        """Let the client send the body of this request."""
        self._wanted = True
        if self._held:
            self.write(self._held)

    def end_request(self) -> None:
        """What comes next is of another request."""
        self._wanted = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._writer, name)
