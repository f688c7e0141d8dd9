"""`tocsin host ...` and `tocsin broker ...`: who reports to us, and who pulls from us."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from cli.client.files import check_target, files_of, hand_over
from cli.client.text import (
    BROKER_HEADERS,
    HOST_HEADERS,
    broker_in_full,
    broker_rows,
    broker_shape,
    files_shape,
    files_text,
    host_in_full,
    host_rows,
    host_shape,
)
from cli.context import Context, open_for_reading, open_for_writing
from cli.exit_codes import ExitCode, Failure
from domain import clients as kinds
from domain.clients import AGENT, BROKER
from domain.ids import new_code, new_event_id
from domain.wording import counted, named
from store import broker_cursors, clients, sources
from store.records import Client

if TYPE_CHECKING:
    from cli.json_shapes import Shape
    from store.database import Store


def add_host(args: Namespace, context: Context) -> ExitCode:
    """Add a host whose agent will report."""
    return _add(AGENT, args, context)


def add_broker(args: Namespace, context: Context) -> ExitCode:
    """Add a broker that will pull."""
    return _add(BROKER, args, context)


def list_hosts(args: Namespace, context: Context) -> ExitCode:
    """Print every host."""
    store = open_for_reading(context)
    hosts = [
        (host, store.call(sources.find, host.name)) for host in store.call(clients.load_all, AGENT)
    ]
    if args.json:
        context.out.json([host_shape(*host) for host in hosts])
        return ExitCode.OK
    context.out.table(host_rows(hosts, context.now_ms()), HOST_HEADERS)
    return ExitCode.OK


def list_brokers(args: Namespace, context: Context) -> ExitCode:
    """Print every broker."""
    store = open_for_reading(context)
    queued = store.call(broker_cursors.queued)
    brokers = [
        (broker, queued.get(broker.name, {})) for broker in store.call(clients.load_all, BROKER)
    ]
    if args.json:
        context.out.json([broker_shape(*broker) for broker in brokers])
        return ExitCode.OK
    context.out.table(broker_rows(brokers, context.now_ms()), BROKER_HEADERS)
    return ExitCode.OK


def show_host(args: Namespace, context: Context) -> ExitCode:
    """Print one host and the conf file of its agent."""
    return _show(AGENT, args, context)


def show_broker(args: Namespace, context: Context) -> ExitCode:
    """Print one broker and its conf file."""
    return _show(BROKER, args, context)


def renew_host(args: Namespace, context: Context) -> ExitCode:
    """Make a new set-up code for a host."""
    return _renew(AGENT, args, context)


def renew_broker(args: Namespace, context: Context) -> ExitCode:
    """Make a new set-up code for a broker."""
    return _renew(BROKER, args, context)


def delete_hosts(args: Namespace, context: Context) -> ExitCode:
    """Delete hosts after asking."""
    end = ", with all that is remembered? Events that came from there stay."
    return _delete(AGENT, end, args, context)


def delete_brokers(args: Namespace, context: Context) -> ExitCode:
    """Delete brokers after asking."""
    store = open_for_reading(context)
    queued = store.call(broker_cursors.queued)
    waiting = sum(sum(queued.get(name, {}).values()) for name in set(args.names))
    end = f", with {counted(waiting, 'event')} yet to be pulled?" if waiting else "?"
    return _delete(BROKER, end, args, context)


def _add(kind: str, args: Namespace, context: Context) -> ExitCode:
    store = open_for_writing(context)
    url = _url(kind, args, store)
    check_target(args.into, kind)
    code = new_code(context.random_bytes)
    user_id = new_event_id(context.random64)
    client = store.call(
        clients.add, kind, args.name, user_id, code, context.actor, context.now_ms()
    )
    hand_over(client, url, code, args, context)
    return ExitCode.OK


def _renew(kind: str, args: Namespace, context: Context) -> ExitCode:
    store = open_for_writing(context)
    url = _url(kind, args, store)
    check_target(args.into, kind)
    before = store.call(clients.find, kind, args.name)
    has_key = before.public_key is not None
    if has_key and not context.out.confirm(_renewal(kind, args.name), args.yes):
        return ExitCode.CHECK_FAILED
    code = new_code(context.random_bytes)
    client = store.call(clients.renew, kind, args.name, code, context.actor, context.now_ms())
    hand_over(client, url, code, args, context)
    return ExitCode.OK


def _renewal(kind: str, name: str) -> str:
    whose = named(clients.NOUNS[kind], [name])
    return f"Make a new set-up code for {whose}? Its key is worth nothing from then on."


def _show(kind: str, args: Namespace, context: Context) -> ExitCode:
    store = open_for_reading(context)
    client = store.call(clients.find, kind, args.name)
    url = _known_url(kind, args, store)
    files = [file for file in files_of(client, url, "") if not file.secret] if url else []
    if args.json:
        context.out.json(_shape(client, store) | files_shape(url, files))
        return ExitCode.OK
    context.out.data(_in_full(client, store))
    if files:
        context.out.data("\n" + files_text(files))
    return ExitCode.OK


def _delete(kind: str, end: str, args: Namespace, context: Context) -> ExitCode:
    """Delete after a question, of which `end` tells what goes with them."""
    store = open_for_writing(context)
    names = list(dict.fromkeys(args.names))
    for name in names:
        store.call(clients.find, kind, name)
    if not context.out.confirm(f"Delete {named(clients.NOUNS[kind], names)}{end}", args.yes):
        return ExitCode.CHECK_FAILED
    for name in names:
        store.call(clients.delete, kind, name, context.actor, context.now_ms())
    return ExitCode.OK


def _shape(client: Client, store: Store) -> Shape:
    if client.kind == AGENT:
        return host_shape(client, store.call(sources.find, client.name))
    return broker_shape(client, store.call(broker_cursors.queued).get(client.name, {}))


def _in_full(client: Client, store: Store) -> str:
    if client.kind == AGENT:
        return host_in_full(client, store.call(sources.find, client.name))
    return broker_in_full(client, store.call(broker_cursors.queued).get(client.name, {}))


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
    """Where the client finds us: as was said, else as the source that serves it says."""
    if args.url:
        return kinds.check_url(args.url)
    found = store.call(sources.load_all)
    return kinds.served_url(kind, ((source.kind, source.options) for source in found))
