"""The whole configuration of a store: read in one transaction, changed all or nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from domain import clients as client_kinds
from domain.hidden_fields import WithHiddenFields
from store import alert_settings, clients, settings, sources, tokens, webhooks
from store.errors import WrongKey
from store.models import SourceRow, database
from store.records import StoredSource, Webhook
from store.vault import Vault


class StoredConfiguration(WithHiddenFields, frozen=True):
    """Everything that is configured in a store.

    source_secrets: by name of the source, in clear; None where the key file does not open it
    alerts:         what differs from the defaults, by kind and option
    """

    HIDDEN = ("source_secrets",)

    settings: dict[str, str]
    webhooks: list[Webhook]
    sources: list[StoredSource]
    source_secrets: dict[str, str | None]
    alerts: dict[str, dict[str, str]]
    tokens: list[str]
    hosts: list[str]
    brokers: list[str]


def read(vault: Vault) -> StoredConfiguration:
    """Read all of it in one transaction, so that its parts agree with each other."""
    with database.atomic("DEFERRED"):
        return StoredConfiguration(
            settings=settings.load_all(),
            webhooks=webhooks.load_all(vault),
            sources=sources.load_all(),
            source_secrets=_source_secrets(vault),
            alerts=alert_settings.load_all(),
            tokens=[token.name for token in tokens.load_all()],
            hosts=[client.name for client in clients.load_all(client_kinds.AGENT)],
            brokers=[client.name for client in clients.load_all(client_kinds.BROKER)],
        )


def change(steps: Sequence[Callable[[], object]]) -> None:
    """Take every step in one transaction: if one fails, none was taken."""
    with database.atomic():
        for step in steps:
            step()


def _source_secrets(vault: Vault) -> dict[str, str | None]:
    rows = SourceRow.select(SourceRow.name).where(SourceRow.secrets.is_null(False))
    return {row.name: _opened(row.name, vault) for row in list(rows)}


def _opened(name: str, vault: Vault) -> str | None:
    try:
        return sources.secret_of(name, vault)
    except WrongKey:
        return None
