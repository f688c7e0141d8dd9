"""Events of sign-ins: `log_authn`."""

from __future__ import annotations

from typing import Any

import msgspec

from domain.event_types import EventType
from domain.events import Event
from domain.safe import safe
from sources.events import fact_event, whole_second

NAMES = ("host", "user")
"""Attributes that say what people call things; they are no facts."""

NAME_LIMIT = 100


class SignIn(msgspec.Struct, frozen=True):
    """Sign-in of somebody, or a failure to.

    at_ms:         when it was
    kind:          "ssh", "terminal", "token" or "X-Custos"
    ip:            the address that it came from, None where there is none
    user:          the name that was given, "" for none
    user_id:       the id of that user, "" where the name is nobody's
    verifications: the checks that it passed, such as ("publickey", "user")
    errors:        why it failed; none where it did not
    facts:         differ from those of every other sign-in
    """

    at_ms: int
    kind: str
    ip: str | None
    url: str
    user: str
    user_id: str
    facts: tuple[str, ...]
    host: str = ""
    verifications: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """True where it succeeded."""
        return not self.errors


def log_authn(sign_in: SignIn, *, event_names: bool) -> Event:
    """Return the event of a sign-in; its id follows from the facts."""
    attributes: dict[str, Any] = {
        "created": whole_second(sign_in.at_ms),
        "errors": sign_in.errors,
        "ip": sign_in.ip,
        "status": "ok" if sign_in.ok else "error",
        "type": sign_in.kind,
        "url": sign_in.url,
        "verifications": sign_in.verifications,
    }
    if event_names:
        names = {"host": sign_in.host, "user": sign_in.user}
        attributes |= {key: safe(name, NAME_LIMIT) for key, name in names.items() if name}
    users = [{"id": sign_in.user_id, "type": "users"}] if sign_in.user_id else []
    relationships = {"user": {"data": users}}
    return fact_event(EventType.LOG_AUTHN, sign_in.facts, attributes, relationships, no_facts=NAMES)
