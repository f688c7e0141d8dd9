"""Commands of `tocsin webhook`."""

from __future__ import annotations

from argparse import Namespace

from cli.arguments import ValueReader
from cli.context import Context, open_for_reading, open_for_writing
from cli.event.lookup import among, only_one
from cli.exit_codes import ExitCode
from cli.json_shapes import (
    Shape,
    header_lines,
    quarantine_shape,
    secret_lines,
    shown_url,
    webhook_shape,
)
from cli.webhook.fields import GENERATED, Editor, FieldOptions, new_secret
from cli.webhook.lookup import (
    check_address,
    deleted_id,
    find_webhook,
    find_webhook_or_deleted,
    ids_of,
    note_doubts,
    note_pause,
    note_unreadable,
    note_what_holds_back,
    require_readable,
    reveal,
    statuses_by_id,
)
from cli.webhook.text import full_text, named_with_events, sending_text
from delivery.report import drop_question, undelivered
from domain.event_summary import created_of
from domain.wording import counted, time_text
from store import webhooks
from store.database import Store
from store.events import reading
from store.queue import backlog, deliveries, delivery_requests
from store.records import QuarantinedEvent, Webhook, WebhookStatus
from store.webhook_edits import fields_like

HEADERS = ("ID", "NAME", "TYPE", "STATE", "WAITING", "PENDING", "URL")


def add(args: Namespace, context: Context) -> None:
    """Make a webhook and print its id."""
    reader = ValueReader(context.out)
    options = FieldOptions(args, reader)
    secret = new_secret(args.secret, reader, context.random_bytes)
    if args.like is None:
        fields = options.new()
        store = open_for_writing(context)
    else:
        store = open_for_writing(context)
        source = find_webhook(store, args.like)
        require_readable(source, store)
        others = store.call(webhooks.load_all, store.vault)
        fields = options.applied_to(fields_like(source, others))
        if args.secret is None and source.secrets is not None:
            secret = source.secrets.current
    if not args.force:
        check_address(fields.url, context)
    webhook_id = store.call(
        webhooks.add,
        fields,
        secret,
        start=args.start_from,
        vault=store.vault,
        actor=context.actor,
        now_ms=context.now_ms(),
    )
    note_doubts(fields, context)
    generated = secret if args.secret in GENERATED else None
    if args.json:
        more = {"generated_secret": generated} if generated else {}
        context.out.json(_shape(store, webhook_id) | more)
        return
    context.out.data(str(webhook_id))
    if generated:
        context.out.note(f"Its signing secret, for the receiver: {generated}")


def list_all(args: Namespace, context: Context) -> None:
    """List webhooks and their queues, or those that can be brought back."""
    store = open_for_reading(context)
    there = (
        store.call(webhooks.restorable, store.vault, context.now_ms(), context.uptime_ms())
        if args.deleted
        else store.call(webhooks.load_all, store.vault)
    )
    found = [webhook for webhook in there if args.type in (None, webhook.fields.type.value)]
    if args.reveal:
        reveal(found, store, context)
    note_unreadable(found, store, context)
    statuses = statuses_by_id(store)
    note_pause(store, context)
    if args.json:
        context.out.json(
            [
                webhook_shape(webhook, statuses.get(webhook.id), reveal=args.reveal)
                for webhook in found
            ]
        )
        return
    rows = [
        _row(webhook, statuses.get(webhook.id), reveal=args.reveal)
        + (_secrets(webhook) if args.reveal else ())
        for webhook in found
    ]
    context.out.table(rows, HEADERS + (("HEADERS", "SECRETS") if args.reveal else ()))


def show(args: Namespace, context: Context) -> None:
    """Show one webhook in full."""
    store = open_for_reading(context)
    webhook = find_webhook_or_deleted(store, args.id)
    if args.reveal:
        reveal([webhook], store, context)
    note_unreadable([webhook], store, context)
    status = statuses_by_id(store).get(webhook.id)
    quarantine = store.call(deliveries.quarantine, webhook.id)
    if args.json:
        shape = webhook_shape(webhook, status, reveal=args.reveal)
        context.out.json(shape | {"quarantine": _quarantine_shapes(quarantine, store)})
    else:
        context.out.data(full_text(webhook, status, quarantine, context.settings, args.reveal))


def _quarantine_shapes(quarantine: list[QuarantinedEvent], store: Store) -> list[Shape]:
    named = [(held.type, held.seq) for held in quarantine]
    kept = {(event.type, event.seq): event for event in store.call(reading.load_named, named)}
    return [
        quarantine_shape(held, created_of(kept[which].body))
        for held, which in zip(quarantine, named, strict=True)
        if which in kept
    ]


def edit(args: Namespace, context: Context) -> None:
    """Change the fields and secrets of webhooks; ask where that drops events."""
    editor = Editor(args, context)
    edits = [editor.check(reference) for reference in dict.fromkeys(args.ids)]
    dropping = [(edit.before, edit.dropping) for edit in edits if edit.dropping]
    if dropping:
        question = drop_question(dropping, edits[0].fields.type)
        context.out.confirm(question, args.yes)
    saved = [editor.save(edit) for edit in edits]
    if args.json:
        context.out.json([_shape(editor.store, webhook_id) | more for webhook_id, more in saved])


def pause(args: Namespace, context: Context) -> None:
    """Stop sending; the queues go on collecting."""
    store = open_for_writing(context)
    ids = ids_of(store, args.ids)
    changed = _set_active(ids, store, context, active=False)
    statuses = statuses_by_id(store)
    for webhook_id in ids:
        named = statuses[webhook_id].webhook.named
        paused = f"Paused {named}: it" if webhook_id in changed else f"Paused already: {named}"
        cure = f"`tocsin webhook unpause {webhook_id}`"
        context.out.note(f"{paused} is inactive, and collects, until {cure}.")


def unpause(args: Namespace, context: Context) -> None:
    """Send the events that were collected, and go on."""
    store = open_for_writing(context)
    ids = ids_of(store, args.ids)
    changed = _set_active(ids, store, context, active=True)
    statuses = statuses_by_id(store)
    for webhook_id in ids:
        named = named_with_events(statuses[webhook_id])
        is_new = webhook_id in changed
        context.out.note(
            f"Unpaused {named}: it is active." if is_new else f"Not paused: {named} is active."
        )


def delete(args: Namespace, context: Context) -> None:
    """Delete webhooks after asking with the numbers."""
    store = open_for_writing(context)
    ids = ids_of(store, args.ids)
    statuses = statuses_by_id(store)
    lost = "; ".join(named_with_events(statuses[webhook_id]) for webhook_id in ids)
    context.out.confirm(f"Delete {lost}?", args.yes)
    store.call(webhooks.delete, ids, context.actor, context.now_ms(), context.uptime_ms())
    cure = f"`tocsin webhook undelete {' '.join(map(str, ids))}`"
    context.out.note(
        f"Deleted {counted(len(ids), 'webhook')}: nothing is sent from now on. "
        f"Within ten minutes {cure} brings {'it' if len(ids) == 1 else 'them'} back."
    )


def undelete(args: Namespace, context: Context) -> None:
    """Bring deleted webhooks back as they were, or none of them."""
    store = open_for_writing(context)
    now_ms, uptime_ms = context.now_ms(), context.uptime_ms()
    gone = store.call(webhooks.restorable, store.vault, now_ms, uptime_ms)
    ids = list(dict.fromkeys(deleted_id(store, reference, gone) for reference in args.ids))
    store.call(webhooks.undelete, ids, context.actor, now_ms, uptime_ms)
    statuses = statuses_by_id(store)
    for webhook_id in ids:
        context.out.note(f"Brought back {named_with_events(statuses[webhook_id])}.")


def send(args: Namespace, context: Context) -> None:
    """Send the queued events now, without waiting for the next run."""
    store = open_for_writing(context)
    ids = ids_of(store, args.ids)
    runs = store.call(backlog.send_now, ids, context.actor, context.now_ms())
    statuses = statuses_by_id(store)
    for webhook_id in ids:
        context.out.note(sending_text(statuses[webhook_id], runs[webhook_id].queued))
    if any(undelivered(statuses[webhook_id]) for webhook_id in ids):
        note_what_holds_back(store, context)


def skip(args: Namespace, context: Context) -> None:
    """Drop the queued events accepted before a time, after asking with their number."""
    store = open_for_writing(context)
    webhook = find_webhook(store, args.id)
    events = store.call(backlog.backlog_before, webhook.id, args.before_ms)
    before = time_text(args.before_ms)
    if not events:
        context.out.note(f"{webhook.named} has no queued event from before {before}.")
        return
    question = (
        f"Drop {counted(events, 'queued event')} of {webhook.named}, accepted before {before}? "
        f"Its receiver will never get {'it' if events == 1 else 'them'}."
    )
    context.out.confirm(question, args.yes)
    dropped = store.call(
        backlog.skip_backlog, webhook.id, args.before_ms, context.actor, context.now_ms()
    )
    context.out.note(f"Dropped {counted(dropped, 'event')} of {webhook.named}.")


def release(args: Namespace, context: Context) -> None:
    """Send an event out of quarantine, in a delivery of its own."""
    store = open_for_writing(context)
    webhook = find_webhook(store, args.id)
    event = _held_event(store, webhook, args)
    which = webhook.id, event.type, event.seq
    store.call(delivery_requests.release, *which, context.actor, context.now_ms())
    context.out.note(f"Event {args.event} goes to {webhook.named} in a delivery of its own.")
    note_what_holds_back(store, context, webhook)


def _held_event(store: Store, webhook: Webhook, args: Namespace) -> QuarantinedEvent:
    """The event in quarantine that is meant; of several those first that were not released yet.

    Raises NotFound, Failure.
    """
    there = store.call(deliveries.quarantine, webhook.id)
    held = {(event.type, event.seq): event for event in there if event.event_id == args.event}
    is_any = args.created_s is None and args.number is None
    waiting = [key for key, event in held.items() if is_any and event.released_ms is None]
    found = store.call(reading.load_named, waiting or list(held))
    missing = f"{webhook.named} has no event {args.event} in quarantine"
    event = only_one(among(found), args.event, args, missing)
    return held[event.type, event.seq]


def test(args: Namespace, context: Context) -> ExitCode:
    """Send one event now, outside the queue, and print the outcome."""
    from cli.webhook.testing import TestOptions, kept_event, outcome_shape, outcome_text, send_test

    options = TestOptions(args, context)
    store = open_for_writing(context)
    webhook = options.webhook(store)
    event = kept_event(webhook, args, store)
    outcome = send_test(webhook, event, store, context)
    if args.json:
        context.out.json(outcome_shape(webhook, outcome))
    else:
        context.out.data(outcome_text(outcome))
    return ExitCode.OK if outcome.delivered else ExitCode.CHECK_FAILED


def _set_active(ids: list[int], store: Store, context: Context, *, active: bool) -> list[int]:
    """Pause or unpause webhooks; return those that changed."""
    return store.call(webhooks.set_active, ids, active, context.actor, context.now_ms())


def _shape(store: Store, webhook_id: int) -> Shape:
    webhook = store.call(webhooks.find, webhook_id, store.vault)
    return webhook_shape(webhook, statuses_by_id(store).get(webhook_id), reveal=False)


def _row(webhook: Webhook, status: WebhookStatus | None, *, reveal: bool) -> tuple[object, ...]:
    fields = webhook.fields
    state = "active" if fields.active else "inactive"
    return (
        webhook.id,
        fields.name,
        fields.type.value,
        state if webhook.deleted_ms is None else f"deleted {time_text(webhook.deleted_ms)}",
        undelivered(status) if status else None,
        status.pending.events if status and status.pending else None,
        shown_url(webhook, reveal=reveal),
    )


def _secrets(webhook: Webhook) -> tuple[object, ...]:
    headers = "; ".join(header_lines(webhook, reveal=True))
    return headers or None, ", ".join(secret_lines(webhook)) or None
