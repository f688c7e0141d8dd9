"""Commands of `tocsin refused`, about events that sources took and the queue cannot hold."""

from __future__ import annotations

import asyncio
import base64
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.context import Context, open_for_reading, open_for_writing
from cli.exit_codes import ExitCode, Failure
from cli.json_shapes import Shape
from cli.output import ago_text, json_text
from cli.webhook.lookup import find_webhook, require_readable
from domain.wording import counted, size_text, time_text
from store import files, refusals

if TYPE_CHECKING:
    from delivery.outcome import Outcome
    from store.database import Store
    from store.records import StoredRefusal, Webhook

HEADERS = ("ID", "SOURCE", "QUEUE", "TAKEN", "SIZE", "STATE", "WHY")
FILE_MODE = 0o600


def list_all(args: Namespace, context: Context) -> None:
    """Print the refused events, oldest first."""
    found = open_for_reading(context).call(refusals.load_all, args.source)
    if args.json:
        context.out.json([refusal_shape(refusal) for refusal in found])
        return
    context.out.table(rows_of(found, context.now_ms()), HEADERS)
    if not found:
        context.out.note("None: every event that was taken is in the queue.")


def show(args: Namespace, context: Context) -> None:
    """Print the text of a refused event, and on stderr a line about it."""
    store = open_for_reading(context)
    found = store.call(refusals.find, args.id)
    text = store.call(refusals.text_of, args.id)
    if args.json:
        context.out.json(refusal_shape(found) | _text_shape(text))
        return
    context.out.note(
        f"{found.id}: taken by {found.source} from {found.queue} at {time_text(found.at_ms)}, "
        f"{size_text(found.bytes)}; {_state(found)}. Not queued: {found.reason}"
    )
    context.out.raw(text)


def export(args: Namespace, context: Context) -> None:
    """Write refused events with their texts as JSON lines."""
    store = open_for_reading(context)
    found = store.call(refusals.load_all, args.source)
    if args.file is None:
        for refusal in found:
            context.out.json_line(_whole(store, refusal))
    else:
        lines = "".join(json_text(_whole(store, refusal), indent=None) for refusal in found)
        files.write_new(Path(args.file).absolute(), lines.encode(), FILE_MODE)
    context.out.note(f"Wrote {counted(len(found), 'refused event')}; they are kept here still.")


def send(args: Namespace, context: Context) -> ExitCode:
    """Send refused events, oldest first, until one is not taken; print each outcome."""
    store = open_for_writing(context)
    webhook = find_webhook(store, args.to)
    require_readable(webhook, store)
    wanted = [refusal for refusal in _wanted(args, store) if args.ids or refusal.sent_ms is None]
    delivered = 0
    for refusal in wanted:
        store.call(refusals.check_may_send, webhook)
        outcome = _send(refusal, webhook, store, context)
        _print_outcome(refusal, webhook, outcome, context, as_json=args.json)
        if not outcome.delivered:
            break
        delivered += 1
    context.out.note(f"{delivered} of {counted(len(wanted), 'refused event')} delivered.")
    return ExitCode.OK if delivered == len(wanted) else ExitCode.CHECK_FAILED


def drop(args: Namespace, context: Context) -> None:
    """Forget refused events, after asking."""
    store = open_for_writing(context)
    wanted = _wanted(args, store)
    unsent = sum(refusal.sent_ms is None for refusal in wanted)
    question = (
        f"Forget {counted(len(wanted), 'refused event')}, of which {unsent} went to no webhook? "
        "There is no other copy of them."
    )
    if not wanted:
        context.out.note(f"Source {args.source} has no refused events.")
        return
    context.out.confirm(question, args.yes)
    ids = [refusal.id for refusal in wanted]
    store.call(refusals.drop, ids, context.actor, context.now_ms())


def rows_of(found: list[StoredRefusal], now_ms: int) -> list[tuple[object, ...]]:
    """The rows of a list of refused events."""
    return [
        (
            refusal.id,
            refusal.source,
            refusal.queue,
            ago_text(refusal.at_ms, now_ms),
            size_text(refusal.bytes),
            _state(refusal),
            refusal.reason,
        )
        for refusal in found
    ]


def refusal_shape(refusal: StoredRefusal) -> Shape:
    """A refused event as lists show it."""
    return {
        "id": refusal.id,
        "source": refusal.source,
        "queue": refusal.queue,
        "taken": time_text(refusal.at_ms),
        "bytes": refusal.bytes,
        "reason": refusal.reason,
        "state": refusal.state,
        "attempts": refusal.attempts,
        "last_error": refusal.last_error,
        "sent": time_text(refusal.sent_ms),
        "sent_to": refusal.sent_to,
    }


def _text_shape(text: bytes) -> Shape:
    """JSON of the text as it came; in base64 where it is not UTF-8."""
    try:
        return {"text": text.decode(), "base64": None}
    except UnicodeDecodeError:
        return {"text": None, "base64": base64.b64encode(text).decode()}


def _whole(store: Store, refusal: StoredRefusal) -> Shape:
    return refusal_shape(refusal) | _text_shape(store.call(refusals.text_of, refusal.id))


def _state(refusal: StoredRefusal) -> str:
    if refusal.sent_ms is not None:
        return f"sent to webhook {refusal.sent_to}"
    return "waiting" if refusal.last_error is None else f"not sent: {refusal.last_error}"


def _wanted(args: Namespace, store: Store) -> list[StoredRefusal]:
    """The events of the ids, each once, or of a source. Raises Failure, NotFound."""
    if bool(args.ids) == bool(args.source):
        raise Failure("name some by their ids, or give --source NAME", ExitCode.USAGE)
    if args.source:
        return store.call(refusals.load_all, args.source)
    return [store.call(refusals.find, id_) for id_ in dict.fromkeys(args.ids)]


def _send(refusal: StoredRefusal, webhook: Webhook, store: Store, context: Context) -> Outcome:
    from delivery.by_hand import send_by_hand

    now_ms = context.now_ms()

    async def note(**change: Any) -> None:
        await store.run(refusals.note_sent, actor=context.actor, now_ms=now_ms, **change)

    text = store.call(refusals.text_of, refusal.id)
    return asyncio.run(send_by_hand(refusal, text, webhook, context.settings, now_ms, note))


def _print_outcome(
    refusal: StoredRefusal, webhook: Webhook, outcome: Outcome, context: Context, *, as_json: bool
) -> None:
    from cli.webhook.testing import outcome_shape, outcome_text

    if as_json:
        context.out.json_line({"id": refusal.id} | outcome_shape(webhook, outcome))
    else:
        context.out.data(f"{refusal.id}: {outcome_text(outcome)}")
