"""Forms that were not saved yet, encrypted, each login's own."""

from __future__ import annotations

from peewee import Expression

from domain.actors import Actor
from domain.hidden_fields import WithHiddenFields
from store.models import DraftRow, database
from store.vault import Vault

KEPT_MS = 30 * 86_400_000
"""Time for which a draft is kept; older ones are forgotten when the next one is saved."""


class StoredDraft(WithHiddenFields, frozen=True):
    """A form's contents as text, and when they were saved; `text` may hold secrets."""

    HIDDEN = ("text",)

    text: str
    at_ms: int


def save(subject: str, text: str, *, vault: Vault, actor: Actor, now_ms: int) -> int:
    """Keep what a login typed into the form of `subject`, in place of its last draft of that.

    Return the time by which the draft is known.
    """
    with database.atomic():
        DraftRow.delete().where(DraftRow.at_ms < now_ms - KEPT_MS).execute()
        DraftRow.insert(
            login=_login(actor), subject=subject, text=vault.encrypt(text), at_ms=now_ms
        ).on_conflict("REPLACE").execute()
    return now_ms


def load(subject: str, *, vault: Vault, actor: Actor) -> StoredDraft | None:
    """Return what the login typed and did not save. Raises WrongKey."""
    row = DraftRow.get_or_none(DraftRow.login == _login(actor), DraftRow.subject == subject)
    return None if row is None else StoredDraft(vault.decrypt(row.text), row.at_ms)


def waiting(*, actor: Actor, now_ms: int) -> list[str]:
    """Return the subjects of the login's drafts, the newest first."""
    own = DraftRow.select().where(
        DraftRow.login == _login(actor), DraftRow.at_ms >= now_ms - KEPT_MS
    )
    return [row.subject for row in own.order_by(DraftRow.at_ms.desc())]


def rewrite(
    subject: str, text: str, at_ms: int, *, vault: Vault, actor: Actor, now_ms: int
) -> None:
    """Keep another text of the same draft, unless it was saved anew since, on another terminal."""
    del now_ms  # it is as old as before
    DraftRow.update(text=vault.encrypt(text)).where(_own(subject, at_ms, actor)).execute()


def drop(subject: str, at_ms: int, *, actor: Actor, now_ms: int) -> None:
    """Forget the login's draft of `subject` unless it was saved anew since, on another terminal.

    Drafts of anybody that are too old by now go with it.
    """
    with database.atomic():
        own = _own(subject, at_ms, actor)
        DraftRow.delete().where(own | (DraftRow.at_ms < now_ms - KEPT_MS)).execute()


def _own(subject: str, at_ms: int, actor: Actor) -> Expression:
    """Return the condition of the login's draft of a subject, as it was saved at a time."""
    return (
        (DraftRow.login == _login(actor))
        & (DraftRow.subject == subject)
        & (DraftRow.at_ms == at_ms)
    )


def _login(actor: Actor) -> str:
    """Return the name of the person at the terminal, also behind sudo."""
    return actor.login or actor.user
