"""A store with short words for what the tests do to it: append, add, start, end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ParamSpec, TypeVar

from domain.actors import Actor
from domain.event_types import EventType
from domain.events import Event, RefusedText
from domain.settings import KEY_NAME
from domain.times import rfc3339_second
from domain.webhooks import WebhookFields
from store import refusals, sources, webhook_status, webhooks
from store.database import Store, open_store
from store.events import adding
from store.queue import attempts, deliveries
from store.queue.shared_bodies import SharedBodies
from store.records import (
    AppendResult,
    AttemptResult,
    Delivery,
    Limits,
    Verdict,
    WebhookStatus,
    Work,
)
from store.refusals import TakingRules
from store.webhook_edits import SecretChange

P = ParamSpec("P")
T = TypeVar("T")

ROOT = Path(__file__).parents[2]
NOW = 1_790_000_000_000
CREATED_S = NOW // 1000
MINUTE = 60_000
DAY = 86_400_000
ACTOR = Actor("alice", "alice", "192.0.2.7")
LIMITS = Limits(max_events=1_000, max_bytes=1_000_000)
ALERTS = EventType.ALERTS
WORKER = "worker-1"
Failure = tuple[str, str]
"""The class of an error, and its words."""

REFUSED: Failure = ("ConnectionRefusedError", "connection refused")


def event(number: int, type_: EventType = ALERTS, *, text: str = "") -> Event:
    """An event with the id `e<number>`; `text` makes it longer or another."""
    value = {"type": type_.value, "id": f"e{number}", "attributes": {"text": text}}
    return Event(type_, f"e{number}", compact(value), created_s=CREATED_S)


def events(first: int, last: int, type_: EventType = ALERTS) -> list[Event]:
    """Events `first` to `last`."""
    return [event(number, type_) for number in range(first, last + 1)]


def namesakes(id_: str, *created: str, type_: EventType = ALERTS) -> list[Event]:
    """Events with one id, each created at another time."""
    return [
        Event(
            type_,
            id_,
            compact({"type": type_.value, "id": id_, "attributes": {"created": time}}),
            created_s=rfc3339_second(time),
        )
        for time in created
    ]


def compact(value: object) -> bytes:
    """JSON as Tocsin stores it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def fields(type_: EventType = ALERTS, **changes: object) -> WebhookFields:
    """The fields of a plain webhook with these changes."""
    return WebhookFields(type_, "https://example.com/hook", **changes)  # type: ignore[arg-type]


def carried(body: bytes) -> list[int]:
    """The numbers of the events in a POST body."""
    return [int(item["id"].removeprefix("e")) for item in json.loads(body)]


class Ids:
    """Makes `msg_1`, `msg_2`, ..."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self) -> str:
        self.made += 1
        return f"msg_{self.made}"


@dataclass
class Desk:
    """An open store, a clock that stands still, and the worker's and the admin's hands."""

    store: Store
    ids: Ids = field(default_factory=Ids)
    now_ms: int = NOW
    shared: SharedBodies = field(default_factory=SharedBodies)

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return self.store.call(function, *args, **kwargs)

    def append(self, *batch: Event) -> AppendResult:
        return self.call(adding.append, batch, self.now_ms)

    def add(
        self,
        wanted: WebhookFields | None = None,
        *,
        secret: str | None = None,
        start: int | None = None,
    ) -> int:
        """Add a webhook that starts now, or at the first event accepted at `start`."""
        return self.call(
            webhooks.add,
            wanted or fields(),
            secret,
            start="now" if start is None else start,
            vault=self.store.vault,
            actor=ACTOR,
            now_ms=self.now_ms,
        )

    def add_source(self, name: str = "local", kind: str = "wireguard", **options: str) -> None:
        """A source, which is active."""
        self.call(sources.add, kind, name, options, ACTOR, self.now_ms)

    def refuse(self, *texts: bytes, source: str = "pc") -> None:
        """Let a source take texts that are no events."""
        rules = TakingRules(lambda _: None, lambda *_: None)
        refused = [RefusedText("alerts", text, "type: unknown type") for text in texts]
        self.call(refusals.save_taken, source, [], refused, None, self.now_ms, rules)

    def edit(
        self,
        webhook_id: int,
        wanted: WebhookFields,
        secret: SecretChange | None = None,
        *,
        revision: int | None = None,
        dropping: int | None = None,
    ) -> webhooks.EditResult:
        return self.call(
            webhooks.edit,
            webhook_id,
            wanted,
            secret,
            revision=revision,
            dropping=dropping,
            vault=self.store.vault,
            actor=ACTOR,
            now_ms=self.now_ms,
        )

    def start(
        self, webhook_id: int, *, limits: Limits = LIMITS, new_run: bool = True
    ) -> Work | None:
        """Start the next attempt, of a new run unless said otherwise."""
        return self.call(
            attempts.start_next,
            webhook_id,
            limits=limits,
            new_id=self.ids,
            vault=self.store.vault,
            now_ms=self.now_ms,
            shared=self.shared,
            may_begin=lambda: True,
            new_run=new_run,
        )

    def started(self, webhook_id: int, *, limits: Limits = LIMITS, new_run: bool = True) -> Work:
        """The same where there must be something to send."""
        work = self.start(webhook_id, limits=limits, new_run=new_run)
        assert work is not None
        return work

    def end(
        self,
        work: Work,
        status: int | None,
        *,
        failure: Failure = REFUSED,
        answer: bytes = b"ok",
        go_on: bool = False,
        new_run: bool = False,
    ) -> Work | None:
        """Record an attempt; a failed one is due again in three minutes."""
        delivered = status is not None and 200 <= status < 300
        verdict = Verdict(delivered)
        if not delivered:
            reason = f"attempt {work.number + 1}, interval 3m"
            verdict = Verdict(False, self.now_ms + 3 * MINUTE, 3 * MINUTE, reason)
        return self.call(
            attempts.record,
            work,
            result(self.now_ms, status, failure, answer),
            verdict,
            limits=LIMITS,
            new_id=self.ids,
            vault=self.store.vault,
            now_ms=self.now_ms,
            shared=self.shared,
            may_begin=lambda: True,
            go_on=go_on,
            new_run=new_run,
        )

    def status(self, webhook_id: int) -> WebhookStatus:
        """The status of one webhook."""
        statuses = self.call(webhook_status.statuses, self.store.vault)
        return next(status for status in statuses if status.webhook.id == webhook_id)

    def delivery(self, public_id: str) -> Delivery:
        return self.call(deliveries.find, public_id)


def result(
    now_ms: int, status: int | None, failure: Failure = REFUSED, answer: bytes = b"ok"
) -> AttemptResult:
    """Return the result of an attempt that took 40 ms."""
    error, words = failure
    return AttemptResult(
        started_ms=now_ms - 40,
        duration_ms=40,
        status=status,
        error=None if status else error,
        detail=f"answered {status}" if status else words,
        answer_headers=(("Server", "test"),) if status else (),
        answer_body=answer if status else b"",
        worker=WORKER,
    )


# A child says "ready", waits for a line, does its work and exits.
_PRELUDE = """
import os, signal, sys
from pathlib import Path
import cryptography.fernet
from store.database import open_store
from store.events import adding, reading
from store import migrations, models, settings, webhooks, workers
from store.errors import StoreError
from store.refusals import TakingRules
from store.webhook_edits import SecretChange
from tests.support.stores import ACTOR, NOW, event, fields

def drop_root():
    if os.geteuid() == 0:
        os.setgroups([])
        os.setegid(65534)
        os.seteuid(65534)

def ready():
    print("ready", flush=True)
    sys.stdin.readline()

path = Path(sys.argv[1])
"""


class Child:
    """A Python process of its own that works on a store."""

    def __init__(self, script: str, *arguments: Path | str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _PRELUDE + script, *map(str, arguments)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_ready(self) -> None:
        """Wait until the child called `ready()`."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line == "ready\n", self.process.communicate()[1]

    def go(self) -> None:
        """Let it go on after `ready()`."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def finish(self) -> str:
        """Return what it printed; it must have ended well."""
        out, err = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, err
        return out

    def kill(self) -> None:
        """End it at once, if it still runs."""
        self.process.kill()
        self.process.communicate(timeout=60)


def run_child(script: str, *arguments: Path | str) -> str:
    """Run a script that doesn't wait, and give what it printed."""
    return Child(script, *arguments).finish()


def new_store(path: Path) -> Store:
    """Open a new store at `path`, with its key beside it."""
    database, key = _made()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write(path, database, 0o600)
    _write(path.with_name(KEY_NAME), key, 0o400)
    return open_store(path)


@cache
def _made() -> tuple[bytes, bytes]:
    """The files of a new store that nobody has open."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "home", "tocsin.db")
        open_store(path).close()
        return path.read_bytes(), path.with_name(KEY_NAME).read_bytes()


def _write(path: Path, content: bytes, mode: int) -> None:
    path.touch(mode=0o600, exist_ok=False)
    path.write_bytes(content)
    path.chmod(mode)
