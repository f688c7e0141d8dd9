"""The fields of a webhook that an admin edits, and their checks."""

from __future__ import annotations

from dataclasses import dataclass

from domain.event_types import EventType
from domain.field_errors import FieldError, FieldErrors

__all__ = ["FieldError", "FieldErrors", "WebhookFields"]


@dataclass(frozen=True, slots=True)
class WebhookFields:
    """Everything about a webhook that an admin may edit, except its signing secrets.

    `max_events`, `max_bytes` and `interval_ms` are None where the webhook follows the
    setting of that name. `ca_file` is the absolute path of a PEM bundle.
    """

    type: EventType
    url: str
    name: str | None = None
    active: bool = True
    headers: tuple[tuple[str, str], ...] = ()
    extra_fields: tuple[tuple[str, str], ...] = ()
    max_events: int | None = None
    max_bytes: int | None = None
    interval_ms: int | None = None
    ca_file: str | None = None
