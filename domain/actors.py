"""Actors: who did something, for the audit trail.

A file of its own, since everything that changes a store names its actor.
"""

from __future__ import annotations

import msgspec

SERVICE_ACCOUNT = "tocsin"
"""The account that `tocsin service install` makes."""


class Actor(msgspec.Struct, frozen=True):
    """The Unix user, the user that logged in (if another), the SSH address as claimed."""

    user: str
    login: str | None = None
    address: str | None = None

    @property
    def text(self) -> str:
        """The actor for lists: "alice as tocsin from 192.0.2.7"."""
        switched = self.login is not None and self.login != self.user
        who = f"{self.login} as {self.user}" if switched else self.user
        return f"{who} from {self.address}" if self.address else who
