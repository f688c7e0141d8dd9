"""`tocsin host ...` and `tocsin broker ...`: clients that report to us, or pull from us.

Both are of one grammar; `args.noun` says which of them a command is about.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable
from typing import TYPE_CHECKING

from cli.client.files import check_target, files_of, hand_over
from cli.client.text import BrokerView, ClientView, HostView, files_shape, files_text
from cli.context import Context, open_for_reading, open_for_writing
from cli.exit_codes import ExitCode, Failure
from domain import clients as kinds
from domain.clients import AGENT
from domain.ids import new_code, new_event_id
from domain.wording import counted, named
from store import clients, sources
from store.queue import broker_cursors
from store.records import Client

if TYPE_CHECKING:
    from store.database import Store

KINDS = {noun: kind for kind, noun in clients.NOUNS.items()}


def add(args: Namespace, context: Context) -> None:
    """Add a client, and hand over the files that it needs."""
    kind = KINDS[args.noun]
    store = open_for_writing(context)
    url = _url(kind, args, store)
    check_target(args.into, kind)
    code = new_code(context.random_bytes)
    user_id = new_event_id(context.random64)
    client = store.call(
        clients.add, kind, args.name, user_id, code, context.actor, context.now_ms()
    )
    hand_over(client, url, code, args, context)


def list_all(args: Namespace, context: Context) -> None:
    """Print every client of a kind."""
    store = open_for_reading(context)
    kind = KINDS[args.noun]
    views = _views(store.call(clients.load_all, kind), store)
    if args.json:
        context.out.json([view.shape() for view in views])
        return
    headers = HostView.headers if kind == AGENT else BrokerView.headers
    context.out.table([view.row(context.now_ms()) for view in views], headers)


def show(args: Namespace, context: Context) -> None:
    """Print one client and its conf file."""
    kind = KINDS[args.noun]
    store = open_for_reading(context)
    client = store.call(clients.find, kind, args.name)
    url = _known_url(kind, args, store)
    files = [file for file in files_of(client, url, "") if not file.secret] if url else []
    (view,) = _views([client], store)
    if args.json:
        context.out.json(view.shape() | files_shape(url, files))
        return
    context.out.data(view.in_full())
    if files:
        context.out.data("\n" + files_text(files))


def renew(args: Namespace, context: Context) -> None:
    """Make a new set-up code for a client, after asking where it has a key."""
    kind = KINDS[args.noun]
    store = open_for_writing(context)
    url = _url(kind, args, store)
    check_target(args.into, kind)
    if store.call(clients.find, kind, args.name).public_key is not None:
        client_text = named(args.noun, [args.name])
        question = (
            f"Make a new set-up code for {client_text}? Its key is worth nothing from then on."
        )
        context.out.confirm(question, args.yes)
    code = new_code(context.random_bytes)
    client = store.call(clients.renew, kind, args.name, code, context.actor, context.now_ms())
    hand_over(client, url, code, args, context)


def delete(args: Namespace, context: Context) -> None:
    """Delete clients after asking."""
    kind = KINDS[args.noun]
    loss = _loss(kind, args.names, context)
    store = open_for_writing(context)
    names = list(dict.fromkeys(args.names))
    for name in names:
        store.call(clients.find, kind, name)
    context.out.confirm(f"Delete {named(args.noun, names)}{loss}", args.yes)
    for name in names:
        store.call(clients.delete, kind, name, context.actor, context.now_ms())


def _loss(kind: str, names: list[str], context: Context) -> str:
    """The end of the question before clients are deleted: what is lost with them."""
    if kind == AGENT:
        return ", with all that is remembered? Events that came from there stay."
    queued = open_for_reading(context).call(broker_cursors.queued)
    waiting = sum(sum(queued.get(name, {}).values()) for name in set(names))
    return f", with {counted(waiting, 'event')} yet to be pulled?" if waiting else "?"


def _views(found: Iterable[Client], store: Store) -> list[ClientView]:
    queued = store.call(broker_cursors.queued)
    return [
        HostView(client, store.call(sources.find, client.name))
        if client.kind == AGENT
        else BrokerView(client, queued.get(client.name, {}))
        for client in found
    ]


def _url(kind: str, args: Namespace, store: Store) -> str:
    url = _known_url(kind, args, store)
    if url is None:
        part = kinds.PARTS[kind]
        raise Failure(
            f"where this Tocsin is found is not known: add an HTTP source with `tocsin source add "
            f"http --serves {part}`, set its --public-url if it listens on every address, or say "
            "it here with --url",
            ExitCode.CHECK_FAILED,
        )
    return url


def _known_url(kind: str, args: Namespace, store: Store) -> str | None:
    """The URL of this Tocsin for the client: --url, else as the source that serves it says."""
    if args.url:
        return kinds.check_url(args.url)
    found = store.call(sources.load_all)
    return kinds.served_url(kind, ((source.kind, source.options) for source in found))
