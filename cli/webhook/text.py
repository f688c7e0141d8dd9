"""Texts about webhooks."""

from __future__ import annotations

from cli.json_shapes import header_lines, secret_lines, shown_url
from cli.output import labelled
from delivery.report import at_interval_0, release_command, undelivered
from domain.settings import BY_NAME, Settings
from domain.times import format_duration
from domain.webhooks import WebhookFields
from domain.wording import counted, time_text
from store.records import QuarantinedEvent, Webhook, WebhookStatus
from store.webhooks import UNDELETE_MS


def full_text(
    webhook: Webhook,
    status: WebhookStatus | None,
    quarantine: list[QuarantinedEvent],
    settings: Settings,
    reveal: bool,
) -> str:
    """Everything about a webhook, in lines of label and value."""
    fields = webhook.fields
    return labelled(
        [
            ("id", webhook.id),
            ("name", fields.name),
            ("type", fields.type.value),
            ("state", "active" if fields.active else "inactive: it collects and sends nothing"),
            ("deleted", _deleted(webhook)),
            ("url", shown_url(webhook, reveal=reveal)),
            *[("header", line) for line in _headers(webhook, reveal=reveal)],
            *[("extra field", f"{key}: {value}") for key, value in fields.extra_fields],
            ("max events", _limit("max_events", fields.max_events, settings)),
            ("max bytes", _limit("max_bytes", fields.max_bytes, settings)),
            ("interval", _interval(fields, settings)),
            ("retry interval", _retry_interval(fields, settings)),
            ("CA file", fields.ca_file),
            ("secret", _secret(webhook)),
            *[("secret in clear", line) for line in (secret_lines(webhook) if reveal else [])],
            ("revision", webhook.revision),
            ("created", time_text(webhook.created_ms)),
            ("updated", time_text(webhook.updated_ms)),
            *(_counts(status) if status else []),
            *[("set aside", _quarantined(event)) for event in quarantine],
        ]
    )


def named_with_events(status: WebhookStatus) -> str:
    """A webhook and its undelivered events, such as "webhook 1 (siem) with 12 queued events"."""
    events = counted(status.queued, "queued event")
    if status.pending is not None:
        pending = status.pending
        events += f" and the pending delivery {pending.id} ({counted(pending.events, 'event')})"
    if status.quarantined_events:
        events += f" and {counted(status.quarantined_events, 'event')} set aside"
    return f"{status.webhook.named} with {events}"


def sending_text(status: WebhookStatus, queued: int) -> str:
    """Line about what a run that is asked for sends, or when a webhook that is inactive does."""
    webhook, pending = status.webhook, status.pending
    events = counted(queued, "event")
    if not queued and pending is None:
        return f"Nothing waits for {webhook.named}."
    if not webhook.fields.active:
        waiting = [f"the pending delivery {pending.id}"] if pending else []
        waiting += [events] if queued else []
        go = "goes" if len(waiting) == 1 and queued < 2 else "go"
        return (
            f"{webhook.named} is inactive: {' and '.join(waiting)} {go} when it is active again: "
            f"`tocsin webhook unpause {webhook.id}`."
        )
    if pending is None:
        return f"{events} to {webhook.named} now."
    if not queued:
        return f"Nothing waits for {webhook.named} but its pending delivery {pending.id}."
    return f"{events} to {webhook.named} now, after the pending delivery {pending.id}."


def _deleted(webhook: Webhook) -> str | None:
    if webhook.deleted_ms is None:
        return None
    until = time_text(webhook.deleted_ms + UNDELETE_MS)
    return f"{time_text(webhook.deleted_ms)}, can be brought back until {until}"


def _headers(webhook: Webhook, *, reveal: bool) -> list[str]:
    if not webhook.readable:
        return ["cannot be read without the right key file"]
    return header_lines(webhook, reveal=reveal)


def _limit(name: str, value: int | None, settings: Settings) -> str:
    setting = BY_NAME[name]
    if value is not None:
        return setting.format(value)
    return f"{setting.format(getattr(settings, setting.field))} (the setting)"


def _interval(fields: WebhookFields, settings: Settings) -> str:
    text = _limit("interval", fields.interval_ms, settings)
    if settings.interval_of(fields.interval_ms) > 0:
        return text
    return f"{text}: {at_interval_0(settings.linger_ms)}"


def _retry_interval(fields: WebhookFields, settings: Settings) -> str:
    own_ms, interval_ms = fields.retry_interval_ms, fields.interval_ms
    text = format_duration(settings.retry_interval_of(own_ms, interval_ms))
    if own_ms is not None:
        return text
    if settings.retry_interval_ms is not None:
        return f"{text} (the setting)"
    is_0 = settings.interval_of(interval_ms) == 0
    return f"{text} (since the interval is 0s)" if is_0 else f"{text} (the interval)"


def _secret(webhook: Webhook) -> str | None:
    secrets = webhook.secrets
    if secrets is None:
        return "none: its requests are not signed" if webhook.readable else None
    if secrets.previous is None:
        return "set"
    return f"set; the one before it signs too until {time_text(secrets.previous_until_ms)}"


def _counts(status: WebhookStatus) -> list[tuple[str, object]]:
    pending = status.pending
    return [
        ("waiting", counted(undelivered(status), "event")),
        ("queued", counted(status.queued, "event")),
        (
            "pending",
            pending
            and f"{pending.id}, {counted(pending.events, 'event')}, "
            f"{counted(pending.attempts, 'attempt')}",
        ),
        ("delivered", counted(status.delivered_events, "event")),
        ("last delivery", time_text(status.delivered_ms)),
        ("skipped", counted(status.skipped_events, "event") if status.skipped_events else None),
    ]


def _quarantined(event: QuarantinedEvent) -> str:
    which = f", {event.apart.words}," if event.apart else ""
    text = f"event {event.event_id}{which} of {event.delivery_id}"
    if event.released_ms is not None:
        return f"{text}: released, about to be sent"
    return f"{text}: `{release_command(event)}` sends it"
