"""Edits of a webhook: what changes, in words, and what becomes of its signing secret."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
from msgspec.structs import replace

from domain.actors import Actor
from domain.event_types import EventType
from domain.hidden_fields import WithHiddenFields
from domain.safe import mask_value
from domain.urls import mask_url
from domain.webhooks import WebhookFields
from domain.wording import second_text
from store.errors import Conflict
from store.models import ChangeRow
from store.records import Secrets, Webhook

ROTATION_MS = 24 * 3_600_000
"""Time for which the previous secret still signs after a rotation."""

DEFAULT = "default"
"""The word for an option that is not set."""


class SetSecret(WithHiddenFields, frozen=True):
    """Sign with this secret from now on; None: don't sign."""

    HIDDEN = ("secret",)

    secret: str | None


class RotateSecret(WithHiddenFields, frozen=True):
    """Sign with this secret and, for 24 hours, with the one before it."""

    HIDDEN = ("secret",)

    secret: str


class RetireSecret(msgspec.Struct, frozen=True):
    """Stop signing with the secret before the last rotation now."""


class RestoreSecrets(msgspec.Struct, frozen=True):
    """Sign as before an edit that is undone, a rotation that was under way included."""

    secrets: Secrets | None


SecretChange = SetSecret | RotateSecret | RetireSecret | RestoreSecrets


def check_secret_change(before: Webhook, change: SecretChange | None, now_ms: int) -> None:
    """Raise Conflict if there is nothing to rotate or retire, or a rotation is under way."""
    if change is None or isinstance(change, SetSecret | RestoreSecrets):
        return
    secrets = before.secrets
    if secrets is None:
        raise Conflict(
            f"{before.named} has no secret to rotate or retire: use --secret generate first"
        )
    if isinstance(change, RetireSecret):
        if secrets.previous is None:
            raise Conflict(f"{before.named} has nothing to retire: only one secret signs")
    elif len(secrets.in_force(now_ms)) > 1:
        until = second_text(secrets.previous_until_ms)
        raise Conflict(
            f"{before.named} is rotating: the secret before it signs until {until}; "
            "retire it first with --secret retire"
        )


def changed_secrets(
    before: Secrets | None, change: SecretChange | None, now_ms: int
) -> Secrets | None:
    """Return the secrets after a change."""
    match change:
        case SetSecret(secret):
            return Secrets(secret) if secret else None
        case RestoreSecrets(secrets):
            return secrets
        case RotateSecret(secret) if before is not None:
            return Secrets(secret, before.current, now_ms + ROTATION_MS)
        case RotateSecret(secret):
            return Secrets(secret)
        case RetireSecret() if before is not None:
            return Secrets(before.current)
    return before


def secret_word(before: Secrets | None, after: Secrets | None) -> str | None:
    """Return the kind of change for the audit, which shows nothing of the secret."""
    if after is None:
        return None if before is None else "removed"
    if before is None or after == before:
        return "set"
    if after.current == before.current:
        return "retired" if after.previous is None else "restored"
    return "rotated" if after.previous == before.current else "replaced"


def outdated_edit(webhook_id: int, revision: int, current: int) -> str:
    """Return the refusal of an edit of a revision that is no longer the current one."""
    change = (
        ChangeRow.select()
        .where(ChangeRow.webhook_id == webhook_id)
        .order_by(ChangeRow.id.desc())
        .first()
    )
    who = Actor(change.user, change.login, change.address).text if change else "somebody"
    return (
        f"webhook {webhook_id} was changed meanwhile (revision {revision} is now {current}, "
        f"last by {who}): read it again"
    )


def audit_fields(fields: WebhookFields, secret: str | None) -> dict[str, object]:
    """Return the fields for the audit: URL and headers masked, and a word for the secret."""
    return {
        "name": fields.name,
        "type": fields.type.value,
        "state": "active" if fields.active else "inactive",
        "url": mask_url(fields.url),
        "headers": [f"{name}: {mask_value(value)}" for name, value in fields.headers],
        "extra_fields": [f"{key}: {value}" for key, value in fields.extra_fields],
        "max_events": fields.max_events,
        "max_bytes": fields.max_bytes,
        "interval_ms": fields.interval_ms,
        "retry_interval_ms": fields.retry_interval_ms,
        "ca_file": fields.ca_file,
        "secret": secret,
    }


def changed_options(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, object]:
    """Return the options that changed, as {"before": {...}, "after": {...}}, to defaults too."""
    changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return {
        "before": {name: before.get(name, DEFAULT) for name in changed},
        "after": {name: after.get(name, DEFAULT) for name in changed},
    }


def changed_fields(
    before: Webhook, fields: WebhookFields, secrets: Secrets | None
) -> dict[str, object]:
    """Return what changed, as {"before": {...}, "after": {...}}, masked values too."""
    old = audit_fields(before.fields, secret_word(None, before.secrets))
    new = audit_fields(fields, secret_word(before.secrets, secrets))
    masked = [
        name for name in ("url", "headers") if getattr(before.fields, name) != getattr(fields, name)
    ]
    changed = [key for key in new if old[key] != new[key] or key in masked]
    return {
        "before": {key: old[key] for key in changed},
        "after": {key: new[key] for key in changed},
    }


def fields_like(source: Webhook, others: Iterable[Webhook]) -> WebhookFields:
    """Return its fields without the name, with the first type that its receiver does not get."""
    return replace(source.fields, name=None, type=_other_type(source, others))


def _other_type(source: Webhook, others: Iterable[Webhook]) -> EventType:
    taken = {other.fields.type for other in others if other.fields.url == source.fields.url}
    taken.add(source.fields.type)
    return next((type_ for type_ in EventType if type_ not in taken), source.fields.type)
