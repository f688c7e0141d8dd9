"""Records: the frozen values that leave the store, never live rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from domain.event_types import EventType
from domain.hidden_fields import WithHiddenFields
from domain.webhooks import WebhookFields

if TYPE_CHECKING:
    from domain.event_summary import Distinction

T = TypeVar("T", bound=msgspec.Struct)


def record_from(record: type[T], row: Any, **other: Any) -> T:
    """Make a record of a row; each field is the column of its name, unless it is in `other`."""
    columns = row.__data__
    names = [name for name in record.__struct_fields__ if name not in other]
    return record(**{name: columns.get(name) for name in names}, **other)


class Secrets(WithHiddenFields, frozen=True):
    """Signing secrets (`whsec_...`); `previous` still signs until `previous_until_ms`."""

    HIDDEN = ("current", "previous")

    current: str
    previous: str | None = None
    previous_until_ms: int | None = None

    def in_force(self, now_ms: int) -> tuple[str, ...]:
        """Return the secrets to sign with, the current one first."""
        if self.previous and now_ms < (self.previous_until_ms or 0):
            return (self.current, self.previous)
        return (self.current,)


class Webhook(msgspec.Struct, frozen=True):
    """A webhook as it is kept. `readable` is False if its secrets need a key we don't have.

    `target_revision` is the latest that changed what shapes requests, `target_of`.
    """

    id: int
    revision: int
    fields: WebhookFields
    secrets: Secrets | None
    readable: bool
    created_ms: int
    updated_ms: int
    deleted_ms: int | None
    target_revision: int = 1

    @property
    def named(self) -> str:
        """The name for a sentence: "webhook 1 (siem)"."""
        name = self.fields.name
        return f"webhook {self.id} ({name})" if name else f"webhook {self.id}"


def target_of(fields: WebhookFields, secrets: Secrets | None) -> tuple[object, ...]:
    """Return the fields that shape requests; an edit of them makes a failing delivery due now."""
    return fields.url, fields.headers, fields.ca_file, secrets


class AppendResult(msgspec.Struct, frozen=True):
    """Result of adding a list of events; `conflicts` are indexes in that list."""

    accepted: int
    repeated: int
    conflicts: tuple[int, ...] = ()

    def __add__(self, other: AppendResult) -> AppendResult:
        """Add the counts; indexes in one list mean nothing in the sum."""
        return AppendResult(self.accepted + other.accepted, self.repeated + other.repeated)


class StoredToken(msgspec.Struct, frozen=True):
    """A token as it is kept, without itself; `used_ms` is exact to a minute."""

    name: str
    created_ms: int
    used_ms: int | None


class StoredEvent(msgspec.Struct, frozen=True):
    """An event as it is kept."""

    type: EventType
    seq: int
    id: str
    received_ms: int
    body: bytes

    def apart_from(self, events: Iterable[StoredEvent]) -> Distinction | None:
        """Return what tells it from others of its id among these, None if there are none."""
        from domain.event_summary import distinctions  # nothing that adding events needs

        facts = [(one.type, one.seq, one.body) for one in events if one.id == self.id]
        own = self.type, self.seq, self.body
        others = [one for one in facts if one[:2] != own[:2]]
        return distinctions([own, *others])[0]


class PendingPlan(msgspec.Struct, frozen=True):
    """Facts of a pending delivery from which the worker plans its next attempt."""

    id: int
    attempts: int
    next_attempt_ms: int
    wait_ms: int
    blocked: bool


class WebhookPlan(msgspec.Struct, frozen=True):
    """Facts of a webhook from which the worker plans its next step."""

    webhook_id: int
    type: str
    interval_ms: int | None
    head: int
    cursor: int
    run_until: int
    last_run_ms: int | None
    redo_count: int
    released: int
    pending: PendingPlan | None

    @property
    def failing(self) -> bool:
        """True if the last attempt of the pending delivery failed, as far as is known."""
        return self.pending is not None and self.pending.attempts > 0


class Limits(msgspec.Struct, frozen=True):
    """Limits of one request for webhooks that have none of their own."""

    max_events: int
    max_bytes: int


class Work(WithHiddenFields, frozen=True):
    """Everything that one attempt needs; the attempt is already counted in the store."""

    HIDDEN = ("body", "url", "headers", "secrets")

    delivery_id: int
    public_id: str
    webhook_id: int
    number: int
    count: int
    body: bytes
    url: str
    shown_url: str
    headers: tuple[tuple[str, str], ...]
    secrets: tuple[str, ...]
    ca_file: str | None
    revision: int
    interval_ms: int | None
    retry_interval_ms: int | None


class AttemptResult(msgspec.Struct, frozen=True):
    """Result of an attempt, capped and safe to keep."""

    started_ms: int
    duration_ms: int
    status: int | None
    error: str | None
    detail: str
    answer_headers: tuple[tuple[str, str], ...]
    answer_body: bytes
    worker: str


class Verdict(msgspec.Struct, frozen=True):
    """Decision after an attempt: delivered, or when to try again and why then."""

    delivered: bool
    next_attempt_ms: int = 0
    wait_ms: int = 0
    reason: str = ""


class Delivery(msgspec.Struct, frozen=True):
    """A delivery as lists show it.

    sending_since_ms: since when its attempt is under way, None if no worker makes it
    cut_off:          its attempt was under way when the worker ended, and is not recorded yet
    """

    id: str
    webhook_id: int
    type: EventType
    state: str
    events: int
    bytes: int
    sha256: str
    attempts: int
    sealed_ms: int
    next_attempt_ms: int | None
    reason: str
    sending_since_ms: int | None
    asked: str | None
    blocked: str | None
    last_status: int | None
    last_error: str | None
    ended_ms: int | None
    ended_by: str | None
    cut_off: bool = False


class Attempt(msgspec.Struct, frozen=True):
    """An attempt as it is kept; its URL is masked."""

    number: int
    url: str
    revision: int
    started_ms: int
    duration_ms: int
    status: int | None
    error: str | None
    detail: str
    answer_headers: tuple[tuple[str, str], ...]
    answer_body: bytes
    worker: str


class QuarantinedEvent(msgspec.Struct, frozen=True):
    """An event that a reseal left out for one webhook and that was not sent since.

    `apart` tells it from others of its id that were left out for that webhook, if there are any.
    """

    webhook_id: int
    type: EventType
    seq: int
    event_id: str
    delivery_id: str
    at_ms: int
    released_ms: int | None
    apart: Distinction | None = None


class StoredWorker(msgspec.Struct, frozen=True):
    """A process that delivers (`active`) or stands by; one that is `stopping` begins nothing.

    lost_lock: it was sending when it wrote last, and does not hold the lock any more
    """

    id: str
    host: str
    pid: int
    kind: str
    active: bool
    started_ms: int
    heartbeat_ms: int
    stopping: bool = False
    lost_lock: bool = False


class StoredSource(msgspec.Struct, frozen=True, kw_only=True):
    """A source as it is kept, and how it is doing.

    options:  those that differ from the defaults of its kind, as text
    error:    what is wrong with it, or not as it should be; None if all is well
    failures: how often in a row it has failed; 0 if it works
    """

    name: str
    kind: str
    active: bool
    options: Mapping[str, str]
    revision: int
    accepted_events: int = 0
    last_event_ms: int | None = None
    last_ok_ms: int | None = None
    error: str | None = None
    error_ms: int | None = None
    failures: int = 0
    created_ms: int
    updated_ms: int

    @property
    def state(self) -> str:
        """inactive, failing or active."""
        if not self.active:
            return "inactive"
        return "failing" if self.failures else "active"


class StoredRefusal(msgspec.Struct, frozen=True):
    """A text that a source took and that is no event for the queue, as it is kept.

    attempts:   how often it was sent by hand
    last_error: the result of the last time, None after a 2XX
    sent_to:    the id of the webhook whose receiver answered 2XX to it, at `sent_ms`
    """

    id: str
    source: str
    queue: str
    reason: str
    bytes: int
    at_ms: int
    attempts: int
    last_error: str | None
    sent_ms: int | None
    sent_to: int | None

    @property
    def state(self) -> str:
        """sent or waiting."""
        return "waiting" if self.sent_ms is None else "sent"


class Client(msgspec.Struct, frozen=True):
    """An agent or a broker that signs in to this Tocsin, as it is kept.

    public_key:  base64 of its ed25519 key, None until it has set itself up
    seen_ms:     when it last reported or asked
    interval_ms: how often an agent usually reports, None until it has done so twice
    """

    name: str
    kind: str
    user_id: str
    host_id: str
    public_key: str | None
    setup_until_ms: int | None
    created_ms: int
    seen_ms: int | None
    interval_ms: int | None


class AuditEntry(msgspec.Struct, frozen=True):
    """One line of the audit trail; `detail` has its secrets masked."""

    id: int
    at_ms: int
    user: str
    login: str | None
    address: str | None
    action: str
    webhook_id: int | None
    detail: dict[str, object]


class WebhookStatus(msgspec.Struct, frozen=True):
    """A webhook with its queue, its pending delivery and its last result.

    `queued` counts the events not yet sealed, those released from quarantine among them, which
    `quarantined_events` does not count. `waiting_since_ms` is when the oldest event that
    is not delivered was accepted, None if all are delivered.
    """

    webhook: Webhook
    queued: int
    pending: Delivery | None
    last_run_ms: int | None
    run_open: bool
    delivered_events: int
    delivered_ms: int | None
    skipped_events: int
    quarantined_events: int
    released_events: int
    waiting_since_ms: int | None
    last_attempt_ms: int | None
    last_status: int | None
    last_error: str | None


class WebhookMinute(msgspec.Struct, frozen=True):
    """A minute of a webhook, in minutes UTC since 1970.

    `delivered` counts events, `failed` attempts; `waiting` is how many events were undelivered at
    its end, None if no worker looked then. `latency` counts the deliveries by time taken, one
    count for each of `domain.times.LATENCIES_MS` and one for those that took longer.
    """

    webhook_id: int
    minute: int
    delivered: int
    failed: int
    waiting: int | None
    latency: tuple[int, ...]


class TypeMinute(msgspec.Struct, frozen=True):
    """Events of a type that were accepted in a minute, in minutes UTC since 1970."""

    type: EventType
    minute: int
    accepted: int
