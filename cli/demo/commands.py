"""Command `tocsin demo`: the screen on a store of made-up events, with a receiver."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from cli.config_file import FLAG, ConfigPaths, Configuration, Given, read_configuration
from cli.context import Context
from cli.demo.events import made_up
from cli.exit_codes import ExitCode
from cli.screen import check_terminal, show_screen
from domain.event_types import EventType
from domain.events import read_event
from domain.settings import STORE_PATHS, settings_from
from domain.signing import generate_secret
from domain.webhooks import WebhookFields

if TYPE_CHECKING:
    from store.database import Store


RECEIVER = (sys.executable, "-P", "-m", "cli.demo.receiver")
SECOND_MS = 1_000
HURRIED = {
    name: Given(seconds * SECOND_MS, "demo")
    for name, seconds in (
        ("interval", 5),
        ("timeout", 4),
        ("connect_timeout", 2),
        ("linger", 0),
        ("grace", 2),
    )
}
"""Short times, so that the work of minutes is seen in seconds."""

BACKLOG = {
    EventType.ENDPOINT_STATS: 180,
    EventType.LOG_AUTHN: 24,
    EventType.ALERTS: 9,
    EventType.LOG_CHANGES: 7,
}
"""Numbers of events by type in the store when the demo opens."""

SHORTEST_S, LONGEST_S = 0.3, 1.2
MOST_AT_ONCE = 6

OF_THE_SCREEN = ("theme", "mouse")
"""Settings that the demo takes from every origin; the others are about the admin's store."""


def run(args: Namespace, context: Context) -> ExitCode:
    """Show the screen on made-up events and a receiver of this machine; leave nothing behind."""
    check_terminal(context.out)
    read = read_configuration(args, os.environ, ConfigPaths(is_root=os.geteuid() == 0))
    with (
        _receiver() as (port, folder),
        Context(configured(read, folder), context.actor, context.out) as demo,
    ):
        dice = random.Random()  # noqa: S311 - made-up events are no secrets
        store = demo.open_store()
        _append_backlog(store, dice, demo.now_ms())
        _add_webhooks(store, port, demo)
        with _new_events(store, dice, demo.now_ms):
            return show_screen(demo, store, demo=True)


def configured(read: Configuration, folder: Path) -> Configuration:
    """The configuration without all that leads to a store, receiver or network of the admin."""
    given = {
        name: item
        for name, item in read.given.items()
        if item.origin == FLAG or name in OF_THE_SCREEN
    }
    given = {**HURRIED, **given}
    for name in STORE_PATHS:
        given.pop(name, None)
    settings = settings_from({name: item.value for name, item in given.items()})
    db = folder / "tocsin.db"
    return replace(read, given=given, settings=settings, db=db, is_hosts=False)


@contextmanager
def _receiver() -> Iterator[tuple[int, Path]]:
    """Start the receiver; yield its port and the folder that it removes when this process ends."""
    receiver = subprocess.Popen(  # noqa: S603 - our own program
        RECEIVER,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # nothing else may write on the screen
        text=True,
        start_new_session=True,  # what ends this terminal's processes must not end it first
    )
    try:
        assert receiver.stdout is not None  # noqa: S101 - for the type checker: it is a pipe
        port, _, folder = receiver.stdout.readline().strip().partition(" ")
        yield int(port), Path(folder)
    finally:
        receiver.communicate()


def _add_webhooks(store: Store, port: int, context: Context) -> None:
    """Add the demo's webhooks; the first two sign their requests."""
    from store import webhooks

    for i, fields in enumerate(demo_webhooks(f"http://127.0.0.1:{port}")):
        store.call(
            webhooks.add,
            fields,
            generate_secret(context.random_bytes) if i < 2 else None,
            start="start",
            vault=store.vault,
            actor=context.actor,
            now_ms=context.now_ms(),
        )


def demo_webhooks(base: str) -> tuple[WebhookFields, ...]:
    """The demo's webhooks, for a receiver at this URL: the last one is paused."""
    return (
        WebhookFields(EventType.ALERTS, f"{base}/siem", name="siem", interval_ms=2 * SECOND_MS),
        WebhookFields(
            EventType.LOG_CHANGES, f"{base}/changes", name="changes", interval_ms=4 * SECOND_MS
        ),
        WebhookFields(
            EventType.ENDPOINT_STATS,
            f"{base}/collector",
            name="collector",
            interval_ms=3 * SECOND_MS,
            headers=(("Authorization", "Splunk 0b5f3c1e-demo-token"),),
            max_events=50,
        ),
        WebhookFields(
            EventType.LOG_AUTHN,
            f"{base}/sign-ins",
            name="sign-ins",
            interval_ms=3 * SECOND_MS,
            extra_fields=(("site", "demo"),),
        ),
        WebhookFields(
            EventType.ALERTS,
            f"{base}/pager",
            name="pager",
            interval_ms=0,
            retry_interval_ms=5 * SECOND_MS,
        ),
        WebhookFields(EventType.ENDPOINT_STATS, f"{base}/archive", name="archive", active=False),
    )


def _append_backlog(store: Store, dice: random.Random, now_ms: int) -> None:
    lines = (made_up(dice, now_ms, type_) for type_, count in BACKLOG.items() for _ in range(count))
    _append(store, lines, dice, now_ms)


@contextmanager
def _new_events(store: Store, dice: random.Random, now_ms: Callable[[], int]) -> Iterator[None]:
    """Append new events in a thread of its own, with a connection of its own."""
    stopped = threading.Event()
    own_store = store.sibling()

    def append() -> None:
        while not stopped.wait(dice.uniform(SHORTEST_S, LONGEST_S)):
            at_ms = now_ms()
            lines = (made_up(dice, at_ms) for _ in range(dice.randint(1, MOST_AT_ONCE)))
            _append(own_store, lines, dice, at_ms)

    thread = threading.Thread(target=append, name="events", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()
        own_store.close()


def _append(store: Store, lines: Iterator[bytes], dice: random.Random, now_ms: int) -> None:
    from store.events.adding import append

    events = [
        read_event(line, now_ms=now_ms, random64=lambda: dice.getrandbits(64)) for line in lines
    ]
    store.call(append, events, now_ms)
