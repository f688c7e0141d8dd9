"""The lines of the audit trail, for people and as JSON."""

from __future__ import annotations

from typing import Any

from domain.actors import Actor
from domain.wording import readable, time_text
from store.records import AuditEntry


def actor_text(change: AuditEntry) -> str:
    """Who made a change, and from where."""
    return Actor(change.user, change.login, change.address).text


def change_json(change: AuditEntry) -> dict[str, Any]:
    """A line as `audit --json` prints it."""
    return {
        "id": change.id,
        "at": time_text(change.at_ms),
        "who": actor_text(change),
        "user": change.user,
        "login": change.login,
        "address": change.address,
        "action": change.action,
        "webhook": change.webhook_id,
        "detail": readable(change.detail),
    }
