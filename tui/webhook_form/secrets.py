"""The signing secret in the form: what can be chosen, and what that makes of the secrets."""

from __future__ import annotations

from enum import StrEnum

from domain.secrets import format_secret, parse_secret
from store.records import Secrets
from store.secret_changes import RetireSecret, RotateSecret, SecretChange, SetSecret


class Choice(StrEnum):
    """What is to become of the secret; the words of `--secret`, and `keep`."""

    KEEP = "keep"
    GENERATE = "generate"
    ROTATE = "rotate"
    RETIRE = "retire"
    OWN = "own"
    NONE = "none"


MAKING_NEW = (Choice.GENERATE.value, Choice.ROTATE.value)


def choices(secrets: Secrets | None, now_ms: int, *, of_copy: bool = False) -> list[Choice]:
    """What can be done with these secrets, the choice that changes nothing first."""
    if secrets is None:
        return [Choice.KEEP, Choice.GENERATE, Choice.OWN]
    if of_copy:
        return [Choice.KEEP, Choice.GENERATE, Choice.OWN, Choice.NONE]
    rotating = len(secrets.in_force(now_ms)) > 1
    turn = Choice.RETIRE if rotating else Choice.ROTATE
    return [Choice.KEEP, turn, Choice.GENERATE, Choice.OWN, Choice.NONE]


def label(choice: Choice, secrets: Secrets | None, *, of_copy: bool = False) -> str:
    """A choice in words."""
    if choice is Choice.KEEP:
        if secrets is None:
            return "none: its requests are not signed"
        return "the same as of the copied webhook" if of_copy else "keep it"
    return _LABELS[choice]


_LABELS = {
    Choice.GENERATE: "generate: a new one from now on",
    Choice.ROTATE: "rotate: a new one, the old one signs too for 24 hours",
    Choice.RETIRE: "retire: the one before it signs no longer",
    Choice.OWN: "own: one that the receiver gave",
    Choice.NONE: "none: its requests are no longer signed",
}


def check_own_secret(choice: str, text: str) -> None:
    """Raise FieldError where an own secret is chosen and what was written is none."""
    if choice == Choice.OWN:
        parse_secret(text)


def change_of(choice: str, own: str, generated: str) -> SecretChange | None:
    """What the store is asked to do with the secret of a webhook that is there."""
    match choice:
        case Choice.GENERATE:
            return SetSecret(generated)
        case Choice.ROTATE:
            return RotateSecret(generated)
        case Choice.RETIRE:
            return RetireSecret()
        case Choice.OWN:
            return SetSecret(format_secret(parse_secret(own)))
        case Choice.NONE:
            return SetSecret(None)
    return None
