"""The tables and their indexes, nothing else. `migrations/` holds frozen copies of them.

Times are UTC milliseconds, bodies are bytes. The queue has no table: it is the distance between
`WebhookRow.cursor` and `HeadRow.seq` of the webhook's type.
"""

from __future__ import annotations

from typing import Any

from peewee import (
    AutoField,
    BigIntegerField,
    BlobField,
    BooleanField,
    CharField,
    CompositeKey,
    DatabaseProxy,
    ForeignKeyField,
    IntegerField,
    Model,
    TextField,
)

database = DatabaseProxy()


def rows(query: Any) -> list[Any]:
    """A query's rows as plain tuples, all fetched: a half-read cursor would pin the WAL."""
    return list(database.execute(query).fetchall())


def _table_name(model: type[Model]) -> str:
    """Name a table after its class: "webhook" for WebhookRow."""
    return model.__name__.removesuffix("Row").lower()


class Base(Model):
    """Binds every table to the one database of this process."""

    class Meta:
        database = database
        legacy_table_names = False
        table_function = _table_name
        only_save_dirty = True  # an UPDATE of 30 columns takes longer to write than to run


class FactRow(Base):
    """Facts about this store itself: the key's fingerprint, whether sending is paused."""

    name = CharField(primary_key=True)
    value = TextField()


class SettingRow(Base):
    """Settings that were given to the store; flags, environment and file win over them."""

    name = CharField(primary_key=True)
    value = TextField()


class HeadRow(Base):
    """The last sequence number given out for a type, and how far its events were pruned."""

    type = CharField(primary_key=True)
    seq = BigIntegerField(default=0)
    pruned = BigIntegerField(default=0)


class EventRow(Base):
    """One event, known by `moment` and `id`; `body` is exactly what will be POSTed.

    `key` is its type and its number, which is dense for each type; `moment` is its type and the
    second of the `created` that it was given (`store/events/keys.py`).
    """

    key = BigIntegerField(primary_key=True)
    moment = BigIntegerField()
    id = TextField()
    received_ms = BigIntegerField()
    body = BlobField()

    class Meta:
        indexes = ((("moment", "id"), True),)


class WebhookRow(Base):
    """One subscription, its cursor in the queue and the result of its last delivery.

    `redo_*` are events sealed once already that are to be sealed anew (a reseal); they come before
    everything after the cursor, and keep their own type since a webhook's type may be edited.
    `redo_numbers` are their numbers (`store/ranges.py`); `redo_count` is kept for those who only
    count. `run_until` is the head that was noted when the current run started.

    `url` is what of the URL is shown: scheme, host and the first part of the path. `target` is the
    whole URL and the headers, encrypted together so that an attempt decrypts once; null where
    nothing of them is hidden. Its column has the name of what was in it first.
    """

    id = AutoField()
    name = CharField(null=True)
    revision = IntegerField(default=1)
    target_revision = IntegerField(default=1)
    type = CharField()
    active = BooleanField(default=True)
    url = TextField()
    target = BlobField(null=True, column_name="headers")
    extra_fields = TextField(default="[]")
    max_events = IntegerField(null=True)
    max_bytes = IntegerField(null=True)
    interval_ms = BigIntegerField(null=True)
    ca_file = TextField(null=True)
    secrets = BlobField(null=True)
    cursor = BigIntegerField()
    run_until = BigIntegerField()
    last_run_ms = BigIntegerField(null=True)
    redo_type = CharField(null=True)
    redo_next = BigIntegerField(null=True)
    redo_last = BigIntegerField(null=True)
    redo_numbers = TextField(null=True)
    redo_count = IntegerField(default=0)
    redo_max_events = IntegerField(null=True)
    released = IntegerField(default=0)
    delivered_events = BigIntegerField(default=0)
    delivered_ms = BigIntegerField(null=True)
    skipped_events = BigIntegerField(default=0)
    last_attempt_ms = BigIntegerField(null=True)
    last_status = IntegerField(null=True)
    last_error = TextField(null=True)
    created_ms = BigIntegerField()
    updated_ms = BigIntegerField()
    deleted_ms = BigIntegerField(null=True)
    erased_ms = BigIntegerField(null=True)
    retry_interval_ms = BigIntegerField(null=True)


WebhookRow.add_index(
    WebhookRow.index(
        WebhookRow.name, unique=True, where=WebhookRow.deleted_ms.is_null(), name="webhook_name"
    )
)


class DeliveryRow(Base):
    """One POST body, frozen: which events, with which splice, and their SHA-256.

    `numbers` are those of its events (`store/ranges.py`). `asked` is the request that an admin made
    while an attempt was in flight. `blocked` says why it must not be sent at all.
    """

    id = AutoField()
    public_id = CharField(unique=True)
    webhook = ForeignKeyField(WebhookRow, backref="deliveries", on_delete="RESTRICT")
    webhook_id: int
    type = CharField()
    first_seq = BigIntegerField()
    last_seq = BigIntegerField()
    numbers = TextField(default="")
    count = IntegerField()
    bytes = IntegerField()
    sha256 = CharField()
    splice = BlobField(default=b"")
    layout = IntegerField()
    state = CharField(default="pending")
    attempts = IntegerField(default=0)
    sealed_ms = BigIntegerField()
    next_attempt_ms = BigIntegerField()
    wait_ms = BigIntegerField(default=0)
    reason = TextField(default="")
    sending_since_ms = BigIntegerField(null=True)
    asked = TextField(null=True)
    blocked = TextField(null=True)
    last_status = IntegerField(null=True)
    last_error = TextField(null=True)
    ended_ms = BigIntegerField(null=True)
    ended_by = TextField(null=True)


DeliveryRow.add_index(
    DeliveryRow.index(
        DeliveryRow.webhook,
        unique=True,
        where=(DeliveryRow.state == "pending"),
        name="delivery_one_pending",
    )
)
DeliveryRow.add_index(
    DeliveryRow.index(
        DeliveryRow.type, DeliveryRow.ended_ms, DeliveryRow.first_seq, name="delivery_type_ended"
    )
)


class AttemptRow(Base):
    """One HTTP request made for a delivery, with its result; `url` is masked."""

    id = AutoField()
    delivery = ForeignKeyField(DeliveryRow, backref="tries", on_delete="CASCADE", index=False)
    number = IntegerField()
    url = TextField()
    revision = IntegerField()
    started_ms = BigIntegerField()
    duration_ms = IntegerField()
    status = IntegerField(null=True)
    error = TextField(null=True)
    detail = TextField(default="")
    answer_headers = TextField(default="[]")
    answer_body = BlobField(default=b"")
    worker = CharField()

    class Meta:
        indexes = ((("delivery", "number"), False),)


class QuarantineRow(Base):
    """An event that a reseal left out for one webhook; it can still be sent on request."""

    id = AutoField()
    webhook = ForeignKeyField(WebhookRow, backref="quarantined", on_delete="RESTRICT")
    webhook_id: int
    type = CharField()
    seq = BigIntegerField()
    event_id = CharField()
    delivery_public_id = CharField()
    at_ms = BigIntegerField()
    released_ms = BigIntegerField(null=True)
    sent_in = ForeignKeyField(DeliveryRow, null=True, on_delete="CASCADE", index=False)


class WorkerRow(Base):
    """A process that delivers or stands by; `yield_to` asked it to give way, itself if it stops."""

    id = CharField(primary_key=True)
    host = TextField()
    pid = IntegerField()
    kind = CharField()
    active = BooleanField(default=False)
    started_ms = BigIntegerField()
    heartbeat_ms = BigIntegerField()
    yield_to = CharField(null=True)


class SourceRow(Base):
    """A source of events: its options, its state and its health.

    `options` is the JSON of what differs from the defaults of its kind; `secrets` is encrypted.
    """

    name = CharField(primary_key=True)
    kind = CharField()
    active = BooleanField(default=True)
    options = TextField(default="{}")
    secrets = BlobField(null=True)
    revision = IntegerField(default=1)
    state = BlobField(null=True)
    accepted_events = BigIntegerField(default=0)
    last_event_ms = BigIntegerField(null=True)
    last_ok_ms = BigIntegerField(null=True)
    error = TextField(null=True)
    error_ms = BigIntegerField(null=True)
    failures = IntegerField(default=0)
    created_ms = BigIntegerField()
    updated_ms = BigIntegerField()


class RefusalRow(Base):
    """A text that a source took, that is no event for the queue, and that is nowhere else.

    `id` is derived from source and text, so that a repeat is known. `alerted`: an alert was raised
    with it. `sent_to` is the webhook whose receiver answered 2XX to it.
    """

    number = AutoField()
    id = CharField(unique=True)
    source = CharField()
    queue = CharField()
    reason = TextField()
    body = BlobField()
    bytes = IntegerField()
    at_ms = BigIntegerField()
    alerted = BooleanField(default=False)
    attempts = IntegerField(default=0)
    last_error = TextField(null=True)
    sent_ms = BigIntegerField(null=True)
    sent_to = IntegerField(null=True)

    class Meta:
        indexes = ((("source", "sent_ms", "bytes"), False),)


class AlertSettingRow(Base):
    """Options of a kind of alert that differ from its defaults, as JSON."""

    kind = CharField(primary_key=True)
    options = TextField()

    class Meta:
        table_name = "alert_setting"


class TokenRow(Base):
    """A program that may hand in events over HTTP; only the SHA-256 of its token is kept."""

    name = CharField(primary_key=True)
    hash = CharField(unique=True)
    created_ms = BigIntegerField()
    used_ms = BigIntegerField(null=True)


class ClientRow(Base):
    """An agent or a broker that signs in with a key of its own.

    `setup_hash` is the SHA-256 of the code by which it brings its public key, once. `interval_ms`
    is how often an agent usually reports.
    """

    name = CharField(primary_key=True)
    kind = CharField()
    user_id = CharField(unique=True)
    host_id = CharField()
    setup_hash = CharField(null=True)
    setup_until_ms = BigIntegerField(null=True)
    public_key = CharField(null=True)
    created_ms = BigIntegerField()
    seen_ms = BigIntegerField(null=True)
    interval_ms = BigIntegerField(null=True)


class BrokerCursorRow(Base):
    """Cursor of a broker: the number of the last event of a type that it has read."""

    client = CharField()
    type = CharField()
    seq = BigIntegerField()

    class Meta:
        table_name = "place"
        primary_key = CompositeKey("client", "type")


class WebhookMinuteRow(Base):
    """A webhook's minute, UTC since 1970: events delivered, attempts that failed, events waiting.

    `latency` is a JSON list: deliveries by time taken, in the buckets of `domain/times.py`.
    """

    webhook_id = IntegerField()
    minute = IntegerField()
    delivered = BigIntegerField()
    failed = IntegerField()
    waiting = BigIntegerField(null=True)
    latency = TextField()

    class Meta:
        table_name = "webhook_minute"
        primary_key = CompositeKey("webhook_id", "minute")
        without_rowid = True


class TypeMinuteRow(Base):
    """Events of a type that were accepted in a minute."""

    type = CharField()
    minute = IntegerField()
    accepted = BigIntegerField()

    class Meta:
        table_name = "type_minute"
        primary_key = CompositeKey("type", "minute")
        without_rowid = True


class ChangeRow(Base):
    """The audit trail: who did what, when, from where; secrets masked. Only ever added to."""

    id = AutoField()
    at_ms = BigIntegerField()
    user = TextField()
    login = TextField(null=True)
    address = TextField(null=True)
    action = CharField()
    webhook_id = IntegerField(null=True, index=True)
    detail = TextField(default="{}")


class DraftRow(Base):
    """Text that a login typed into a form and did not save, encrypted."""

    login = CharField()
    subject = CharField()
    text = BlobField()
    at_ms = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("login", "subject")


MODELS: tuple[type[Base], ...] = tuple(Base.__subclasses__())
