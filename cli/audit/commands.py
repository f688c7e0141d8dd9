"""Command `tocsin audit`: the audit trail as a table and as JSON."""

from __future__ import annotations

from argparse import Namespace

from cli.arguments import read_filter
from cli.context import Context, open_for_reading
from cli.json_shapes import Shape
from domain.actors import Actor
from domain.filters import OF_CHANGES, OfWebhook, Since, Term
from domain.wording import detail_text, readable, second_text, time_text
from store import audit, webhooks
from store.database import Store
from store.records import AuditEntry

MOST = 1_000_000
MAX_DIGITS = 19
"""SQLite knows no longer number."""


def list_all(args: Namespace, context: Context) -> None:
    """Print the newest changes, newest first; their secrets were masked when they were written."""
    store = open_for_reading(context)
    terms = list(read_filter(args.filter, OF_CHANGES, store, context))
    if args.webhook is not None:
        terms.append(Term(OfWebhook(_webhook_id(store, args.webhook))))
    if args.since_ms is not None:
        terms.append(Term(Since(args.since_ms)))
    changes = store.call(audit.changes, terms, min(args.limit, MOST))
    if args.json:
        context.out.json([_shape(change) for change in changes])
        return
    context.out.table(
        [
            (
                second_text(change.at_ms),
                _actor_text(change),
                change.action,
                change.webhook_id,
                detail_text(change.detail),
            )
            for change in changes
        ],
        ("WHEN", "WHO", "ACTION", "WEBHOOK", "WHAT"),
    )


def _actor_text(change: AuditEntry) -> str:
    return Actor(change.user, change.login, change.address).text


def _shape(change: AuditEntry) -> Shape:
    return {
        "id": change.id,
        "at": time_text(change.at_ms),
        "who": _actor_text(change),
        "user": change.user,
        "login": change.login,
        "address": change.address,
        "action": change.action,
        "webhook": change.webhook_id,
        "detail": readable(change.detail),
    }


def _webhook_id(store: Store, reference: str) -> int:
    """The id of a webhook; a number is taken as it is, since the trail outlives its webhooks."""
    if reference.isascii() and reference.isdecimal() and len(reference) < MAX_DIGITS:
        return int(reference)
    return store.call(webhooks.resolve, reference, deleted=True)
