"""The demo's stage: the receiver's process, the throwaway folder, and the webhooks in its store."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from cli.config import Given
from domain.event_types import EventType
from domain.signing import generate_secret
from domain.webhooks import WebhookFields

if TYPE_CHECKING:
    from cli.context import Context
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
"""Settings under which minutes of work are seen in seconds."""


class Stage(msgspec.Struct, frozen=True):
    """Where the receiver listens, and the folder that goes when the demo ends."""

    port: int
    folder: Path


@contextmanager
def set_up() -> Iterator[Stage]:
    """Start the receiver; it removes the folder once this process lets go of it or is dead."""
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
        yield Stage(int(port), Path(folder))
    finally:
        receiver.communicate()


def fill(store: Store, port: int, context: Context) -> None:
    """Add the demo's webhooks; the first two sign their requests."""
    from store import webhooks

    for place, fields in enumerate(demo_webhooks(f"http://127.0.0.1:{port}")):
        store.call(
            webhooks.add,
            fields,
            generate_secret(context.random_bytes) if place < 2 else None,
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
        WebhookFields(EventType.ALERTS, f"{base}/pager", name="pager", interval_ms=5 * SECOND_MS),
        WebhookFields(EventType.ENDPOINT_STATS, f"{base}/archive", name="archive", active=False),
    )
