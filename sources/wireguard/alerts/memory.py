"""What the alerts remember from look to look, a part of the source's state."""

from __future__ import annotations

import msgspec


class Memory(msgspec.Struct, frozen=True):
    """Stored with the state: new fields have a default."""
