"""Choices about the signing secret in the form, and the change that each one asks of the store."""

from __future__ import annotations

from enum import StrEnum

from domain.signing import format_secret, parse_secret
from store.records import Secrets
from store.webhook_edits import RetireSecret, RotateSecret, SecretChange, SetSecret


class SecretChoice(StrEnum):
    """Choice about the secret: the words of `--secret`, and `keep`."""

    KEEP = "keep"
    GENERATE = "generate"
    ROTATE = "rotate"
    RETIRE = "retire"
    OWN = "own"
    NONE = "none"


MAKING_NEW = (SecretChoice.GENERATE.value, SecretChoice.ROTATE.value)


def choices(secrets: Secrets | None, now_ms: int, *, of_copy: bool = False) -> list[SecretChoice]:
    """Return the choices that these secrets allow; the one that changes nothing comes first."""
    if secrets is None:
        return [SecretChoice.KEEP, SecretChoice.GENERATE, SecretChoice.OWN]
    if of_copy:
        return [SecretChoice.KEEP, SecretChoice.GENERATE, SecretChoice.OWN, SecretChoice.NONE]
    rotating = len(secrets.in_force(now_ms)) > 1
    turn = SecretChoice.RETIRE if rotating else SecretChoice.ROTATE
    return [SecretChoice.KEEP, turn, SecretChoice.GENERATE, SecretChoice.OWN, SecretChoice.NONE]


def label(choice: SecretChoice, secrets: Secrets | None, *, of_copy: bool = False) -> str:
    """Return a choice in words."""
    if choice is SecretChoice.KEEP:
        if secrets is None:
            return "none: its requests are not signed"
        return "the same as of the copied webhook" if of_copy else "keep it"
    return _LABELS[choice]


_LABELS = {
    SecretChoice.GENERATE: "generate: a new one from now on",
    SecretChoice.ROTATE: "rotate: a new one, the old one signs too for 24 hours",
    SecretChoice.RETIRE: "retire: the one before it signs no longer",
    SecretChoice.OWN: "own: one that the receiver gave",
    SecretChoice.NONE: "none: its requests are no longer signed",
}


def change_of(choice: str, own: str, generated: str) -> SecretChange | None:
    """Return the change that a choice asks of the store; None to keep the secret.

    Raises FieldError where the `own` secret is chosen and is none.
    """
    match choice:
        case SecretChoice.GENERATE:
            return SetSecret(generated)
        case SecretChoice.ROTATE:
            return RotateSecret(generated)
        case SecretChoice.RETIRE:
            return RetireSecret()
        case SecretChoice.OWN:
            return SetSecret(format_secret(parse_secret(own)))
        case SecretChoice.NONE:
            return SetSecret(None)
    return None
