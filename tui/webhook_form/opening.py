"""What a form was opened on, and the webhook that its contents would make."""

from __future__ import annotations

from dataclasses import dataclass, field

from store import webhooks
from store.duplicates import fields_like
from store.records import Secrets, Webhook
from store.secret_changes import SecretChange, changed_secrets
from tui.desk import Desk, Refused
from tui.webhook_form.fields import Contents, FormTexts, Reading, contents_of
from tui.webhook_form.secrets import change_of
from tui.webhook_form.titles import COPY_OF, NEW, form_title


@dataclass(frozen=True, slots=True)
class Opened:
    """`base` is what the form showed first; `source` is the webhook that is edited or copied."""

    base: Contents
    source: Webhook | None = None
    of_copy: bool = False

    @property
    def editing(self) -> Webhook | None:
        """The webhook that is edited; None if one is added."""
        return None if self.of_copy else self.source

    @property
    def subject(self) -> str:
        """Under which name the draft of this form is kept."""
        if self.source is None:
            return NEW
        return f"{COPY_OF}{self.source.id}" if self.of_copy else str(self.source.id)

    @property
    def secrets(self) -> Secrets | None:
        """The signing secrets that stay if nothing is done with them."""
        return None if self.source is None else self.source.secrets

    @property
    def title(self) -> str:
        """What the form does."""
        return form_title(self.source.named if self.source else None, of_copy=self.of_copy)


@dataclass(frozen=True, slots=True)
class Typed:
    """What stands in the form, what it means, and the secret that was generated for it."""

    texts: FormTexts
    reading: Reading
    generated: str = field(default="", repr=False)

    @property
    def secret_change(self) -> SecretChange | None:
        """What is to be done with the signing secret; nothing while an own one is wrong."""
        if "own_secret" in self.reading.errors:
            return None
        return change_of(self.texts.secret, self.texts.own_secret, self.generated)

    def secrets_after(self, before: Secrets | None) -> Secrets | None:
        """The secrets that will sign once the form is saved."""
        return changed_secrets(before, self.secret_change, self.reading.now_ms)


async def open_form(desk: Desk, editing: int | None, copy_of: int | None) -> Opened:
    """Read what the form needs. Raises Refused, also where secrets cannot be read."""
    webhook_id = copy_of if editing is None else editing
    if webhook_id is None:
        return Opened(Contents(FormTexts()))
    source = await read_webhook(desk, webhook_id)
    if editing is not None:
        return Opened(contents_of(source.fields), source)
    others = await desk.read(webhooks.everyone, desk.store.vault)
    return Opened(contents_of(fields_like(source, others)), source, of_copy=True)


async def read_webhook(desk: Desk, webhook_id: int) -> Webhook:
    """A webhook with its secrets. Raises Refused."""
    webhook = await desk.read(webhooks.find, webhook_id, desk.store.vault)
    if not webhook.readable:
        await desk.read(desk.store.vault.check)
        raise Refused(f"the secrets of {webhook.named} cannot be read with the key file")
    return webhook


def webhook_of(opened: Opened, typed: Typed) -> Webhook:
    """The webhook that the form would make, as far as it is right."""
    now_ms = typed.reading.now_ms
    before = opened.editing
    return Webhook(
        id=before.id if before else 0,
        revision=before.revision if before else 0,
        fields=typed.reading.best,
        secrets=typed.secrets_after(opened.secrets),
        readable=True,
        created_ms=before.created_ms if before else now_ms,
        updated_ms=now_ms,
        deleted_ms=None,
    )
