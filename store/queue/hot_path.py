"""Hot path of the worker: an ordinary start and an ordinary 2XX, in constant SQL.

It does what `attempts` and `sealing` do, several times as fast, where nothing is out of the
ordinary: an active webhook that goes on in its queue, with all of its events there. Everything
else is left to those. The texts stand here and nowhere else, and a test compares each of them with
the query that it replaces.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from typing import NamedTuple

from domain import bodies
from domain.hidden_fields import WithHiddenFields
from store import migrations
from store.errors import WrongKey
from store.events.keys import keys_of
from store.models import database
from store.queue.sealing import NewId
from store.queue.shared_bodies import BodyKey, JoinedBody, QueuePosition, SharedBodies, key_of
from store.records import AttemptResult, Limits, Work
from store.vault import Vault
from store.webhook_rows import RequestTarget, open_secrets, open_target

EVENTS_AT_ONCE = 128
"""Events that are read before it is counted how many of them fit."""

SCHEMA = "PRAGMA user_version"

WEBHOOK = """
    SELECT webhook.type, webhook.cursor, webhook.run_until, webhook.max_events, webhook.max_bytes,
        webhook.extra_fields, head.seq, webhook.url, webhook.headers, webhook.secrets,
        webhook.ca_file, webhook.revision, webhook.interval_ms, webhook.retry_interval_ms
    FROM webhook JOIN head ON head.type = webhook.type
    WHERE webhook.id = ? AND webhook.active AND webhook.deleted_ms IS NULL
        AND webhook.redo_next IS NULL AND webhook.released = 0 AND head.pruned <= webhook.cursor
        AND NOT EXISTS (SELECT 1 FROM fact WHERE fact.name = 'paused')
        AND NOT EXISTS (SELECT 1 FROM delivery
            WHERE delivery.webhook_id = webhook.id AND delivery.state = 'pending')
"""

EVENTS = "SELECT key, body FROM event WHERE key BETWEEN ? AND ? ORDER BY key"

BEGIN_RUN = "UPDATE webhook SET cursor = ?, run_until = ?, last_run_ms = ? WHERE id = ?"

MOVE = "UPDATE webhook SET cursor = ? WHERE id = ?"

SEAL = """
    INSERT INTO delivery (public_id, webhook_id, type, first_seq, last_seq, numbers, count, bytes,
        sha256, splice, layout, state, attempts, sealed_ms, next_attempt_ms, wait_ms, reason,
        sending_since_ms)
    VALUES (?, ?, ?, ?, ?, '', ?, ?, ?, ?, ?, 'pending', 1, ?, ?, 0, 'attempt 1', ?)
"""

END = """
    UPDATE delivery SET state = 'delivered', ended_ms = ?, asked = NULL, reason = '',
        sending_since_ms = NULL, last_status = ?, last_error = ?
    WHERE id = ? AND state = 'pending'
"""

ATTEMPT = """
    INSERT INTO attempt (delivery_id, number, url, revision, started_ms, duration_ms, status, error,
        detail, answer_headers, answer_body, worker)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

COUNT = """
    UPDATE webhook SET delivered_events = delivered_events + ?, delivered_ms = ?,
        last_attempt_ms = ?, last_status = ?, last_error = ?, cursor = coalesce(?, cursor)
    WHERE id = ?
"""


class Recorded(NamedTuple):
    """Result of recording a 2XX: what follows at once; `is_open`: that is not decided yet."""

    following: Work | None
    is_open: bool


class _Webhook(NamedTuple):
    """Facts of a webhook with nothing out of the ordinary."""

    position: QueuePosition
    head: int
    url: str
    target: bytes | None
    secrets: bytes | None
    ca_file: str | None
    revision: int
    interval_ms: int | None
    retry_interval_ms: int | None

    def may_begin_run_after(self, work: Work) -> bool:
        """Return whether something waits behind this run, and the interval was not edited."""
        return self.head > self.position.run_until and self.interval_ms == work.interval_ms

    def in_new_run(self) -> _Webhook:
        """Return it with a run up to the head of now."""
        return self._replace(position=self.position._replace(run_until=self.head))


class _Next(WithHiddenFields, frozen=True):
    """Everything of the next request, read before anything of it is written."""

    HIDDEN = ("body", "secrets")

    key: BodyKey
    body: JoinedBody
    target: RequestTarget
    secrets: tuple[str, ...]


class HotPath:
    """One call of `start_next` or `record`, within its transaction."""

    def __init__(
        self, limits: Limits, new_id: NewId, vault: Vault, now_ms: int, shared: SharedBodies
    ) -> None:
        self._limits = limits
        self._new_id = new_id
        self._vault = vault
        self._now_ms = now_ms
        self._shared = shared
        self._execute = database.connection().execute

    def start(self, webhook_id: int, *, new_run: bool) -> Work | None:
        """Seal the next delivery and start its first attempt; None leaves it to the ordinary way.

        Raises WrongKey before anything is written.
        """
        webhook = self._read(webhook_id)
        if webhook is None:
            return None
        if new_run:
            webhook = webhook.in_new_run()
        following = self._next(webhook)
        if following is None:
            return None
        if new_run:
            self._begin_run(webhook_id, webhook, following)
        else:
            self._execute(MOVE, (following.body.last, webhook_id))
        return self._seal(webhook_id, webhook, following)

    def record(
        self, work: Work, result: AttemptResult, *, go_on: bool, new_run: bool
    ) -> Recorded | None:
        """Write the result of an attempt that was taken, and start the next of its run.

        `new_run` begins a new run, if something waits that came after this one began and the
        interval is still that of `work`. None if the delivery is not pending any more: nothing is
        written then. What was recorded stands also where the next one cannot be started.
        """
        ended = self._now_ms, result.status, result.error, work.delivery_id
        if self._execute(END, ended).rowcount != 1:
            return None
        self._write_attempt(work, result)
        may_go_on = go_on and self._schema() <= migrations.LATEST
        webhook = self._read(work.webhook_id) if may_go_on else None
        begins_run = new_run and webhook is not None and webhook.may_begin_run_after(work)
        if webhook is not None and begins_run:
            webhook = webhook.in_new_run()
        try:
            following = self._next(webhook) if webhook is not None else None
        except WrongKey:  # the next turn reports the key
            webhook, following, may_go_on = None, None, False
        at_ms = result.started_ms + result.duration_ms
        counts = work.count, self._now_ms, at_ms, result.status, result.error
        cursor = None if following is None else following.body.last
        self._execute(COUNT, (*counts, cursor, work.webhook_id))
        if webhook is None or following is None:
            is_over = webhook is not None and not webhook.position.is_in_run
            return Recorded(None, may_go_on and not is_over)
        if begins_run:
            self._begin_run(work.webhook_id, webhook, following)
        return Recorded(self._seal(work.webhook_id, webhook, following), is_open=False)

    def _begin_run(self, webhook_id: int, webhook: _Webhook, following: _Next) -> None:
        run = following.body.last, webhook.head, self._now_ms, webhook_id
        self._execute(BEGIN_RUN, run)

    def _schema(self) -> int:
        return int(self._execute(SCHEMA).fetchone()[0])

    def _read(self, webhook_id: int) -> _Webhook | None:
        found = self._execute(WEBHOOK, (webhook_id,)).fetchone()
        if found is None:
            return None
        width = len(QueuePosition._fields)
        return _Webhook(QueuePosition(*found[:width]), *found[width:])

    def _next(self, webhook: _Webhook) -> _Next | None:
        """Return the next request from the queue; None if there is none, or not all is there."""
        if not webhook.position.is_in_run:
            return None
        secrets = open_secrets(webhook.secrets, self._vault)
        target = open_target(webhook.url, webhook.target, self._vault)
        key = key_of(webhook.position, self._limits)
        body = self._shared.find(key)
        if body is None:
            body = self._join(key)
            if body is None:
                return None
            self._shared.keep(key, body)
        return _Next(key, body, target, secrets.in_force(self._now_ms) if secrets else ())

    def _join(self, key: BodyKey) -> JoinedBody | None:
        """Join the events that fit; None if some are gone."""
        keys = keys_of(key.type, key.after + 1, key.until)
        found = _fitting(self._execute(EVENTS, keys), key, *keys)
        if found is None:
            return None
        content = bodies.join_body(found, key.splice)
        return JoinedBody(content, hashlib.sha256(content).hexdigest(), key.after + len(found))

    def _seal(self, webhook_id: int, webhook: _Webhook, following: _Next) -> Work:
        """Write the delivery, its first attempt counted before it is made."""
        key, body = following.key, following.body
        public_id, count, now_ms = self._new_id(), body.last - key.after, self._now_ms
        row = (public_id, webhook_id, key.type, key.after + 1, body.last, count)
        frozen = (len(body.content), body.sha256, key.splice, key.layout)
        sealed = self._execute(SEAL, (*row, *frozen, now_ms, now_ms, now_ms))
        return Work(
            delivery_id=sealed.lastrowid or 0,
            public_id=public_id,
            webhook_id=webhook_id,
            number=1,
            count=count,
            body=body.content,
            url=following.target.url,
            shown_url=webhook.url,
            headers=following.target.headers,
            secrets=following.secrets,
            ca_file=webhook.ca_file,
            revision=webhook.revision,
            interval_ms=webhook.interval_ms,
            retry_interval_ms=webhook.retry_interval_ms,
        )

    def _write_attempt(self, work: Work, result: AttemptResult) -> None:
        self._execute(
            ATTEMPT,
            (
                work.delivery_id,
                work.number,
                work.shown_url,
                work.revision,
                result.started_ms,
                result.duration_ms,
                result.status,
                result.error,
                result.detail,
                json.dumps(result.answer_headers, ensure_ascii=False),
                result.answer_body,
                result.worker,
            ),
        )


def _fitting(events: sqlite3.Cursor, key: BodyKey, first: int, last: int) -> list[bytes] | None:
    """Read as many events as fit, at least one, and hardly any more; None if some are gone."""
    found: list[bytes] = []
    total = 0
    while some := events.fetchmany(EVENTS_AT_ONCE):
        if some[-1][0] != first + len(found) + len(some) - 1:
            return None
        more = [body for _, body in some]
        length = total + sum(map(len, more))
        if bodies.body_length(length, len(found) + len(more), len(key.splice)) > key.max_bytes:
            return found + _beginning(more, total, len(found), key)
        found += more
        total = length
    return found if first + len(found) - 1 == last else None


def _beginning(more: list[bytes], total: int, count: int, key: BodyKey) -> list[bytes]:
    """Return those that fit after `count` events of `total` bytes; one too large goes alone."""
    for index, body in enumerate(more):
        total += len(body)
        count += 1
        if count > 1 and bodies.body_length(total, count, len(key.splice)) > key.max_bytes:
            return more[:index]
    return more
