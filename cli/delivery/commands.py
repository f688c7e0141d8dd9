"""Commands of `tocsin delivery`."""

from __future__ import annotations

import hashlib
from argparse import Namespace

from cli.context import Context, open_for_reading, open_for_writing
from cli.delivery.listing import Listing, attempt_text, full_text, named_delivery
from cli.event.lookup import among, only_one, require_id
from cli.exit_codes import ExitCode, Failure
from cli.json_shapes import attempt_shape, delivery_shape
from cli.webhook.lookup import note_what_holds_back
from delivery.outcome import refused_events
from delivery.report import release_command, reseal_command, taken_twice
from delivery.request import NO_URL, body_file, curl, is_inline, shown_request
from domain.safe import safe
from domain.webhooks import check_limit
from store import webhooks
from store.database import Store
from store.errors import NotFound
from store.queue import deliveries, delivery_list, delivery_requests
from store.queue.delivery_requests import with_idle
from store.records import Attempt, Delivery, StoredEvent, Webhook

LATER = "An attempt is in flight: this is applied when it is over, unless it is answered 2XX."
LONGEST_COMMAND = 200_000


def list_all(args: Namespace, context: Context) -> None:
    """List the newest deliveries, the newest last; with --follow go on."""
    if args.follow and args.until_ms is not None:
        raise Failure("--until and --follow contradict each other: leave one out", ExitCode.USAGE)
    store = open_for_reading(context)
    webhook_id = None if args.webhook is None else store.call(webhooks.resolve_past, args.webhook)
    listing = Listing(args, context, store, webhook_id)
    if args.follow:
        listing.follow()
    else:
        listing.once()


def show(args: Namespace, context: Context) -> None:
    """Show a delivery and its attempts, or the exact bytes of its body."""
    store = open_for_reading(context)
    delivery = store.call(deliveries.find, args.id)
    if args.body:
        _show_body(delivery, store, context)
    elif args.curl:
        _show_curl(delivery, store, context)
    else:
        _show_attempts(delivery, store, context, as_json=args.json)


def retry(args: Namespace, context: Context) -> None:
    """Make a pending delivery's next attempt now."""
    store = open_for_writing(context)
    result = store.call(delivery_requests.retry, args.id, context.actor, context.now_ms())
    if not result.done:
        context.out.note(LATER)
        return
    context.out.note(f"The next attempt of {args.id} is due now.")
    delivery = store.call(deliveries.find, args.id)
    webhook = store.call(webhooks.find, delivery.webhook_id, store.vault)
    note_what_holds_back(store, context, webhook)


def skip(args: Namespace, context: Context) -> None:
    """Give a pending delivery up, after asking with its numbers."""
    store = open_for_writing(context)
    delivery = _pending(store, args.id)
    they_are = "It is" if delivery.events == 1 else "They are"
    question = f"Give up {named_delivery(delivery)}? {they_are} never sent again."
    context.out.confirm(question, args.yes)
    by, now_ms = context.actor, context.now_ms()
    result = store.call(with_idle, delivery_requests.skip, store.path, delivery.id, by, now_ms)
    context.out.note(f"Skipped {named_delivery(delivery)}." if result.done else LATER)


def reseal(args: Namespace, context: Context) -> None:
    """End a pending delivery and seal its events anew, after asking with their number."""
    check_limit("max_events", args.max_events)
    require_id(args.without, "--without", args)
    store = open_for_writing(context)
    delivery = _pending(store, args.id)
    event = None if args.without is None else _member(store, delivery, args)
    context.out.confirm(_reseal_question(delivery, args), args.yes)
    result = store.call(
        with_idle,
        *(delivery_requests.reseal, store.path, delivery.id, context.actor, context.now_ms()),
        max_events=args.max_events,
        without=None if event is None else event.seq,
    )
    context.out.note(_resealed(delivery, args) if result.done else LATER)
    if event is not None:
        _note_set_aside(event, store, delivery, context)


def _note_set_aside(event: StoredEvent, store: Store, delivery: Delivery, context: Context) -> None:
    """Say how the event is sent after all; if an attempt is in flight, it is not there yet."""
    for held in store.call(deliveries.quarantine, delivery.webhook_id):
        if (held.type, held.seq) == (event.type, event.seq):
            context.out.note(f"Event {event.id} is set aside: `{release_command(held)}` sends it.")


def _show_attempts(delivery: Delivery, store: Store, context: Context, *, as_json: bool) -> None:
    attempts = store.call(deliveries.attempts, delivery.id)[::-1]
    if as_json:
        shape = delivery_shape(delivery)
        context.out.json(shape | {"history": [attempt_shape(attempt) for attempt in attempts]})
        return
    context.out.data(full_text(delivery, context.now_ms()))
    if len(attempts) == deliveries.PAGE:
        context.out.note(f"The newest {deliveries.PAGE} attempts:")
    for attempt in attempts:
        context.out.data(attempt_text(attempt))
    if attempts and delivery.state == "pending":
        _note_refused(delivery, attempts[-1], store, context)


def _note_refused(delivery: Delivery, attempt: Attempt, store: Store, context: Context) -> None:
    refused = refused_events(attempt.status, attempt.answer_body)
    if refused:
        members = store.call(delivery_list.members, delivery.id)
        command = safe(reseal_command(delivery.id, refused, members))
        context.out.note(f"`{command}` sends the others on and keeps that event in quarantine.")


def _show_body(delivery: Delivery, store: Store, context: Context) -> None:
    body = store.call(deliveries.body, delivery.id)
    context.out.raw(body)
    if hashlib.sha256(body).hexdigest() != delivery.sha256:
        reason = f"these are not the bytes that {delivery.id} was sealed with"
        raise Failure(reason, ExitCode.CHECK_FAILED)


def _show_curl(delivery: Delivery, store: Store, context: Context) -> None:
    """The request of the last attempt, or of the first one to come."""
    attempt = next(iter(store.call(deliveries.attempts, delivery.id, limit=1)), None)
    webhook = _webhook_of(delivery, store)
    if webhook is None and attempt is None:
        raise Failure(f"webhook {delivery.webhook_id} is deleted: {NO_URL}", ExitCode.NO_INPUT)
    body = store.call(deliveries.body, delivery.id)
    request = shown_request(delivery, webhook, attempt, context.now_ms())
    context.out.data(safe(curl(request, delivery, body), LONGEST_COMMAND, keep_newlines=True))
    if request.note:
        context.out.note(f"{request.note[0].upper()}{request.note[1:]}.")
    if not is_inline(body):
        file = body_file(delivery)
        context.out.note(f"`tocsin delivery show {delivery.id} --body > {file}` writes its body.")


def _webhook_of(delivery: Delivery, store: Store) -> Webhook | None:
    try:
        return store.call(webhooks.find, delivery.webhook_id, store.vault)
    except NotFound:
        return None


def _pending(store: Store, public_id: str) -> Delivery:
    """The delivery, if it may still be ended. Raises NotFound, Conflict."""
    store.call(delivery_requests.pending, public_id)
    return store.call(deliveries.find, public_id)


def _member(store: Store, delivery: Delivery, args: Namespace) -> StoredEvent:
    """The event of a delivery that `--without` means. Raises NotFound, Failure."""
    members = store.call(delivery_list.members, delivery.id)
    found = among([event for event in members if event.id == args.without])
    return only_one(
        found, args.without, args, f"event {args.without} is not in delivery {delivery.id}"
    )


def _reseal_question(delivery: Delivery, args: Namespace) -> str:
    end, events = f"End {named_delivery(delivery)}", _sealed_anew(delivery, args)
    if not events:
        return f"{end}, and set event {args.without} aside? Nothing is sealed anew."
    one = "it" if delivery.events == 1 else "them"
    if args.without:
        others = "the other" if events == 1 else "the others"
        one = f"{others}, without event {args.without},"
    ids = "a new id" if events == 1 else "new ids"
    most = f", at most {args.max_events} a request" if args.max_events else ""
    return f"{end}, and seal {one} anew under {ids}{most}? {taken_twice(events)}"


def _resealed(delivery: Delivery, args: Namespace) -> str:
    events = _sealed_anew(delivery, args)
    others = "the others are" if args.without else "they are"
    if events == 1:
        others = "the other is" if args.without else "it is"
    return f"Ended {named_delivery(delivery)}{f'; {others} sealed anew' if events else ''}."


def _sealed_anew(delivery: Delivery, args: Namespace) -> int:
    return delivery.events - (1 if args.without else 0)
