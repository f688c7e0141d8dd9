"""Conversion of a webhook's row to its record and back, with encryption."""

from __future__ import annotations

import json

import msgspec
from msgspec.structs import asdict, replace

from domain.event_types import EventType
from domain.hidden_fields import WithHiddenFields
from domain.urls import mask_url
from domain.webhooks import WebhookFields
from store.errors import NotFound, WrongKey
from store.models import WebhookRow
from store.ranges import Ranges
from store.records import Secrets, Webhook
from store.vault import Vault

Pairs = tuple[tuple[str, str], ...]


class RequestTarget(WithHiddenFields, frozen=True):
    """URL and headers of a webhook's requests; all of it may be secret."""

    HIDDEN = ("url", "headers")

    url: str
    headers: Pairs


class Redo(msgspec.Struct, frozen=True):
    """Events sealed once already that are to be sealed anew, before anything after the cursor.

    Between `numbers` there may be gaps: events in quarantine, or dropped in the meantime.
    """

    type: str
    numbers: Ranges
    max_events: int | None

    def since(self, number: int) -> Redo:
        """Return the part from a number on."""
        return replace(self, numbers=self.numbers.since(number))


def redo_of(row: WebhookRow) -> Redo | None:
    """Return the range to be sealed anew, if there is one."""
    if row.redo_type is None or row.redo_next is None or row.redo_last is None:
        return None
    numbers = Ranges.kept(row.redo_next, row.redo_last, row.redo_numbers or "")
    return Redo(row.redo_type, numbers, row.redo_max_events) if numbers else None


def set_redo(row: WebhookRow, redo: Redo | None) -> None:
    """Set or, with None or nothing left in it, clear the range; saving is the caller's."""
    left = redo if redo is not None and redo.numbers else None
    row.redo_type = left.type if left else None
    row.redo_next = left.numbers.first if left else None
    row.redo_last = left.numbers.last if left else None
    row.redo_numbers = left.numbers.text if left else None
    row.redo_count = left.numbers.count if left else 0
    row.redo_max_events = left.max_events if left else None


def read(webhook_id: int) -> WebhookRow:
    """Return the row of a webhook that is not erased. Raises NotFound."""
    row: WebhookRow | None = WebhookRow.get_or_none(
        WebhookRow.id == webhook_id, WebhookRow.erased_ms.is_null()
    )
    if row is None:
        raise NotFound(f"no webhook {webhook_id}; `tocsin webhook list` shows what there is")
    return row


def live(webhook_id: int) -> WebhookRow:
    """Return the row of a webhook that is not deleted. Raises NotFound."""
    row = read(webhook_id)
    if row.deleted_ms is not None:
        raise NotFound(f"webhook {webhook_id} is deleted; `tocsin webhook undelete` brings it back")
    return row


def record_of(row: WebhookRow, vault: Vault | None) -> Webhook:
    """Make the record of a row; without the right key its URL is masked, and it is not `readable`.

    With no vault at all the secrets are left out unread, for lists that never show them.
    """
    masked = RequestTarget(mask_url(row.url), ())
    if vault is None:
        return _record(row, masked, None, readable=True)
    try:
        return _record(row, read_target(row, vault), secrets_of(row, vault), readable=True)
    except WrongKey:
        return _record(row, masked, None, readable=False)


def _record(
    row: WebhookRow, target: RequestTarget, secrets: Secrets | None, *, readable: bool
) -> Webhook:
    return Webhook(
        id=row.id,
        revision=row.revision,
        fields=_fields_of(row, target),
        secrets=secrets,
        readable=readable,
        created_ms=row.created_ms,
        updated_ms=row.updated_ms,
        deleted_ms=row.deleted_ms,
        target_revision=row.target_revision,
    )


def read_target(row: WebhookRow, vault: Vault) -> RequestTarget:
    """Return the URL and the headers in clear. Raises WrongKey."""
    return open_target(row.url, row.target, vault)


def open_target(url: str, encrypted: bytes | None, vault: Vault) -> RequestTarget:
    """Return URL and headers in clear, from the shown URL and what is encrypted. Raises WrongKey.

    A URL of which nothing is hidden is in its own column, as are all that an older Tocsin wrote; of
    such a webhook only the headers, if there are any, are encrypted.
    """
    if encrypted is None:
        return RequestTarget(url, ())
    found = json.loads(vault.decrypt(encrypted))
    if isinstance(found, list):
        return RequestTarget(url, _pairs(found))
    return RequestTarget(found["url"], _pairs(found["headers"]))


def secrets_of(row: WebhookRow, vault: Vault) -> Secrets | None:
    """Return the signing secrets in clear. Raises WrongKey."""
    return open_secrets(row.secrets, vault)


def open_secrets(encrypted: bytes | None, vault: Vault) -> Secrets | None:
    """Return signing secrets in clear. Raises WrongKey."""
    return None if encrypted is None else Secrets(**json.loads(vault.decrypt(encrypted)))


def write_fields(row: WebhookRow, fields: WebhookFields, vault: Vault) -> None:
    """Set every editable column of the row; saving is the caller's."""
    row.name = fields.name
    row.type = fields.type.value
    row.active = fields.active
    row.url = mask_url(fields.url)
    row.target = None
    if fields.headers or row.url != fields.url:
        row.target = vault.encrypt(json.dumps({"url": fields.url, "headers": fields.headers}))
    row.extra_fields = json.dumps(fields.extra_fields, ensure_ascii=False)
    row.max_events = fields.max_events
    row.max_bytes = fields.max_bytes
    row.interval_ms = fields.interval_ms
    row.retry_interval_ms = fields.retry_interval_ms
    row.ca_file = fields.ca_file


def write_secrets(row: WebhookRow, secrets: Secrets | None, vault: Vault) -> None:
    """Set the secrets' column of the row; saving is the caller's."""
    if secrets is None:
        row.secrets = None
        return
    row.secrets = vault.encrypt(json.dumps(asdict(secrets)))


def pairs(text: str) -> Pairs:
    """Return name and value pairs from their JSON."""
    return _pairs(json.loads(text))


def _pairs(found: list[list[str]]) -> Pairs:
    return tuple((name, value) for name, value in found)


def _fields_of(row: WebhookRow, target: RequestTarget) -> WebhookFields:
    return WebhookFields(
        type=EventType(row.type),
        url=target.url,
        name=row.name,
        active=bool(row.active),
        headers=target.headers,
        extra_fields=pairs(row.extra_fields),
        max_events=row.max_events,
        max_bytes=row.max_bytes,
        interval_ms=row.interval_ms,
        retry_interval_ms=row.retry_interval_ms,
        ca_file=row.ca_file,
    )
