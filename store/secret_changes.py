"""Changes of a webhook's signing secret: set, rotate, retire, restore."""

from __future__ import annotations

import msgspec

from domain.wording import second_text
from store.errors import Conflict
from store.records import Secrets, Webhook

ROTATION_MS = 24 * 3_600_000
"""Time for which the previous secret still signs after a rotation."""


class SetSecret(msgspec.Struct, frozen=True):
    """Sign with this secret from now on; None: don't sign."""

    secret: str | None


class RotateSecret(msgspec.Struct, frozen=True):
    """Sign with this secret and, for 24 hours, with the one before it."""

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
