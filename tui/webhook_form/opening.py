"""Opening of the form: the webhook that is edited or copied, and the texts that are shown first.

A module of its own, since lists of webhooks read one in the same way without loading the form.
"""

from __future__ import annotations

from store import webhooks
from store.records import Webhook
from store.webhook_edits import fields_like
from tui.state.store_access import Refused, StoreAccess
from tui.webhook_form.texts import FormTexts, texts_of


async def open_form(
    access: StoreAccess, editing: int | None, copy_of: int | None
) -> tuple[FormTexts, Webhook | None]:
    """Return the first texts of a form and the webhook that they are of. Raises Refused."""
    webhook_id = copy_of if editing is None else editing
    if webhook_id is None:
        return FormTexts(), None
    source = await read_webhook(access, webhook_id)
    if editing is not None:
        return texts_of(source.fields), source
    others = await access.read(webhooks.load_all, access.store.vault)
    return texts_of(fields_like(source, others)), source


async def read_webhook(access: StoreAccess, webhook_id: int) -> Webhook:
    """Return a webhook with its secrets. Raises Refused, also where they cannot be read."""
    webhook = await access.read(webhooks.find, webhook_id, access.store.vault)
    if not webhook.readable:
        await access.read(access.store.vault.check)
        raise Refused(f"the secrets of {webhook.named} cannot be read with the key file")
    return webhook
