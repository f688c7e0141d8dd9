"""Lookup of webhooks for commands: by id or name, with notes, checks and the audit of secrets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cli.context import Context
from cli.exit_codes import ExitCode, Failure
from delivery.report import is_sending
from domain.addresses import NetworkPolicy
from domain.errors import FieldError
from domain.extra_fields import doubt_about
from domain.urls import mask_url
from domain.webhooks import WebhookFields
from store import webhook_status, webhooks
from store.audit import note_alone
from store.database import Store
from store.errors import WrongKey
from store.queue import deliveries
from store.records import Delivery, Webhook, WebhookStatus
from store.settings import paused
from store.workers import SendingLock, load_all


def find_webhook(store: Store, reference: str) -> Webhook:
    """A webhook by id or name that is not deleted. Raises NotFound."""
    return store.call(webhooks.find, store.call(webhooks.resolve, reference), store.vault)


def find_webhook_or_deleted(store: Store, reference: str) -> Webhook:
    """A webhook by id or name, also one that can be brought back. Raises NotFound."""
    webhook_id = store.call(webhooks.resolve, reference, deleted=True)
    return store.call(webhooks.find, webhook_id, store.vault)


def deleted_id(store: Store, reference: str, gone: list[Webhook]) -> int:
    """The id of a deleted webhook; of several with a name, the one that was deleted last."""
    of_name = [webhook for webhook in gone if webhook.fields.name == reference]
    if of_name:
        return max(of_name, key=lambda webhook: webhook.deleted_ms or 0).id
    return store.call(webhooks.resolve, reference, deleted=True)


def ids_of(store: Store, references: Iterable[str]) -> list[int]:
    """The ids of webhooks that are not deleted, each once. Raises NotFound."""
    return list(dict.fromkeys(store.call(webhooks.resolve, reference) for reference in references))


def statuses_by_id(store: Store) -> dict[int, WebhookStatus]:
    """Queue, pending delivery and counts of the webhooks that are not deleted, by id."""
    return {
        status.webhook.id: status for status in store.call(webhook_status.statuses, store.vault)
    }


def pending_of(store: Store, webhook_id: int) -> Delivery | None:
    """The undelivered delivery of a webhook."""
    which = deliveries.DeliveryFilter(webhook_id=webhook_id, state="pending")
    return next(iter(store.call(deliveries.newest, which, limit=1)), None)


def require_readable(webhook: Webhook, store: Store) -> None:
    """Raise WrongKey where headers and secrets cannot be read."""
    if not webhook.readable:
        store.call(store.vault.check)
        raise WrongKey(f"the secrets of {webhook.named} cannot be read with the key file")


def reveal(shown: Sequence[Webhook], store: Store, context: Context) -> None:
    """Record in the audit trail that secrets are about to be shown. Raises Failure, WrongKey."""
    if store.upgrade is not None:
        raise Failure(f"--reveal: {store.upgrade.sentence(store.path)}", ExitCode.TEMPORARY)
    if store.outdated:
        raise Failure(
            "--reveal: it must be recorded, and this store can only be read: "
            "run `tocsin db upgrade`",
            ExitCode.UNAVAILABLE,
        )
    for webhook in shown:
        require_readable(webhook, store)
    for webhook in shown:
        fields = webhook.fields
        if fields.headers or webhook.secrets or mask_url(fields.url) != fields.url:
            store.call(note_alone, context.actor, "webhook.reveal", context.now_ms(), webhook.id)


def note_unreadable(shown: Sequence[Webhook], store: Store, context: Context) -> None:
    """Note why some headers and URLs are not shown."""
    for webhook in shown:
        try:
            require_readable(webhook, store)
        except WrongKey as error:
            context.out.note(f"tocsin: {error}")
            return


def note_doubts(fields: WebhookFields, context: Context) -> None:
    """Warn of a URL to which nothing is sent, and of likely slips in the extra fields."""
    refusal = refusal_of(fields.url, context)
    if refusal is not None:
        context.out.warn(f"{refusal}.")
    doubt = doubt_about(fields.extra_fields)
    if doubt:
        context.out.warn(f"Extra field: {doubt}.")


def check_address(url: str, context: Context) -> None:
    """Raise FieldError if the network policy refuses the address in a URL."""
    refusal = refusal_of(url, context)
    if refusal is not None:
        cure = "allow it with network_policy or allow_networks, or save it with --force"
        raise FieldError("url", refusal, cure)


def refusal_of(url: str, context: Context) -> str | None:
    """The sentence about the address in a URL that the network policy refuses, or None."""
    settings = context.settings
    policy = NetworkPolicy(settings.network_policy, settings.allow_networks)
    return policy.refused_target(url)


def note_pause(store: Store, context: Context) -> None:
    """Note it if all sending is paused."""
    if store.call(paused) is not None:
        context.out.note("All sending is paused: nothing goes before `tocsin worker unpause`.")


def note_what_holds_back(store: Store, context: Context, *webhooks: Webhook) -> None:
    """Note the reasons for which nothing will be sent soon."""
    for webhook in webhooks:
        if not webhook.fields.active:
            context.out.note(
                f"{webhook.named} is inactive: nothing goes before "
                f"`tocsin webhook unpause {webhook.id}`."
            )
    note_pause(store, context)
    note_missing_worker(store, context)


def note_missing_worker(store: Store, context: Context) -> None:
    """Note it if no worker sends."""
    locked = SendingLock(store.path).is_held()
    if not is_sending(store.call(load_all), context.now_ms(), locked=locked):
        context.out.note("No worker is running: `tocsin worker` starts one.")
