"""Edits in words: the changes for the audit, and who made the last edit of a webhook."""

from __future__ import annotations

from collections.abc import Mapping

from domain.actors import Actor
from domain.safe import mask_value
from domain.urls import mask_url
from domain.webhooks import WebhookFields
from store.models import ChangeRow
from store.records import Secrets, Webhook
from store.secret_changes import secret_word

DEFAULT = "default"
"""The word for an option that is not set."""


def moved(webhook_id: int, revision: int, current: int) -> str:
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


def shown(fields: WebhookFields, secret: str | None) -> dict[str, object]:
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
        "ca_file": fields.ca_file,
        "secret": secret,
    }


def options_moved(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, object]:
    """Return the options that changed, as {"before": {...}, "after": {...}}, to defaults too."""
    changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return {
        "before": {name: before.get(name, DEFAULT) for name in changed},
        "after": {name: after.get(name, DEFAULT) for name in changed},
    }


def difference(
    before: Webhook, fields: WebhookFields, secrets: Secrets | None
) -> dict[str, object]:
    """Return what changed, as {"before": {...}, "after": {...}}, masked values too."""
    old = shown(before.fields, secret_word(None, before.secrets))
    new = shown(fields, secret_word(before.secrets, secrets))
    masked = [name for name in ("url", "headers") if _differs(name, before.fields, fields)]
    changed = [key for key in new if old[key] != new[key] or key in masked]
    return {
        "before": {key: old[key] for key in changed},
        "after": {key: new[key] for key in changed},
    }


def _differs(name: str, before: WebhookFields, after: WebhookFields) -> bool:
    return bool(getattr(before, name) != getattr(after, name))
