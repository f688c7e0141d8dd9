"""Commands of `tocsin worker`: sending without a screen, its pause, and the list of workers."""

from __future__ import annotations

import asyncio
from argparse import Namespace
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from cli.context import Context, open_for_reading, open_for_writing
from cli.exit_codes import ExitCode, Failure
from cli.output import LogLines, ago_text
from cli.signals import stop_on_signals, worker_end_s
from domain.wording import counted

if TYPE_CHECKING:
    from delivery.dispatcher import Until
    from delivery.worker import Ended, Worker
    from sources.runner import Sources
    from store.database import Store


def run(args: Namespace, context: Context) -> ExitCode:
    """Send the queued events, until stopped, or as far as --once or --until-empty says."""
    from delivery.dispatcher import Until

    if args.timeout_ms is not None and not args.until_empty:
        raise Failure("--timeout goes with --until-empty: add that", ExitCode.USAGE)
    with LogLines(context.out.note_directly) as lines:
        store = context.open_store(migrate=True, note=lines.note)
        until = Until.STOPPED
        if args.once or args.until_empty:
            until = Until.DUE_DONE if args.once else Until.EMPTY
            _refuse_paused(store)
        ended, heads = asyncio.run(_run(args, context, store, until, lines.note))
    return _exit_code(ended, store, until, context, heads)


def list_all(args: Namespace, context: Context) -> None:
    """Print the workers: the one that sends, and those that stand by."""
    from cli.json_shapes import worker_shape
    from store import workers

    store = open_for_reading(context)
    now_ms = context.now_ms()
    found = store.call(workers.load_all)
    rows = [worker_shape(worker, now_ms) for worker in found]
    if args.json:
        context.out.json(rows)
    else:
        beats = [ago_text(worker.heartbeat_ms, now_ms) for worker in found]
        context.out.table(
            [
                (row["id"], row["role"], row["kind"], row["host"], row["pid"], beat)
                for row, beat in zip(rows, beats, strict=True)
            ],
            ("WORKER", "ROLE", "KIND", "HOST", "PID", "HEARTBEAT"),
        )


def pause(args: Namespace, context: Context) -> None:
    """Stop sending for all webhooks; attempts in flight end."""
    from store import settings

    open_for_writing(context).call(settings.pause, context.actor, context.now_ms())
    cure = "`tocsin worker unpause`"
    context.out.note(f"Paused: nothing is sent until {cure}; events are still queued.")


def unpause(args: Namespace, context: Context) -> None:
    """Go on sending."""
    from cli.webhook.lookup import note_missing_worker
    from store import settings
    from store.errors import WrongKey

    store = open_for_writing(context)
    was_paused = store.call(settings.unpause, context.actor, context.now_ms())
    context.out.note(f"{'Unpaused' if was_paused else 'Not paused'}: sending is active.")
    try:
        store.call(store.vault.check)
    except WrongKey as error:
        context.out.note(f"But no worker starts: {error}.")
        return
    note_missing_worker(store, context)


def _refuse_paused(store: Store) -> None:
    from store import settings

    if store.call(settings.paused) is not None:
        raise Failure("sending is paused: run `tocsin worker unpause` first", ExitCode.TEMPORARY)


async def _run(
    args: Namespace, context: Context, store: Store, until: Until, log: Callable[[str], None]
) -> tuple[Ended | None, Mapping[str, int] | None]:
    """Run the worker and its sources; return why it ended, and the heads that it was to reach.

    The reason is None if the time of --timeout ran out.
    """
    from delivery.dispatcher import Until

    sources, worker = _sources_and_worker(context, store, until, log)
    limit_s = args.timeout_ms / 1000 if args.timeout_ms is not None else None
    loop = asyncio.get_running_loop()

    async def work() -> Ended:
        if until is Until.EMPTY:
            await sources.poll_each_once(context.settings)
        return await worker.run()

    def stop() -> None:
        worker.stop()
        loop.call_soon_threadsafe(sources.stop_first_polls)

    with stop_on_signals(stop, lambda: worker_end_s(context.settings, takes=sources.takes)):
        running = asyncio.ensure_future(work())
        done, _ = await asyncio.wait((running,), timeout=limit_s)
        stop()
        ended = await running
        await sources.end()
        return ended if done else None, worker.heads


def _sources_and_worker(
    context: Context, store: Store, until: Until, log: Callable[[str], None]
) -> tuple[Sources, Worker]:
    """Make the sources and the worker, which wake each other."""
    from delivery.dispatcher import Until
    from delivery.worker import Role, Worker
    from sources.runner import Sources

    sources = Sources(store, context.now_ms, on_appended=lambda: worker.wake(), on_failure=log)
    worker = Worker(
        store,
        context.settings,
        role=Role.headless(),
        log=log,
        merge=lambda stored: context.configuration.with_stored_in_thread(stored).settings,
        until=until,
        on_change=sources.adapt if until is Until.STOPPED else None,
    )
    return sources, worker


def _exit_code(
    ended: Ended | None,
    store: Store,
    until: Until,
    context: Context,
    heads: Mapping[str, int] | None,
) -> ExitCode:
    from delivery.dispatcher import Until
    from delivery.worker import Ended
    from store.queue import attempts

    if ended is Ended.GONE:
        return ExitCode.UNAVAILABLE
    if ended is Ended.OVERTAKEN:
        return ExitCode.TEMPORARY  # as a service it is started again: the newer one, most likely
    if until is Until.STOPPED and ended is not None:
        return ExitCode.OK
    if not store.call(attempts.undelivered, heads):
        return ExitCode.OK
    _note_undelivered(store, context)
    return ExitCode.TEMPORARY


def _note_undelivered(store: Store, context: Context) -> None:
    from delivery.report import undelivered
    from store import webhook_status

    statuses = [
        status
        for status in store.call(webhook_status.statuses, None)
        if status.webhook.fields.active
    ]
    counts = [count for count in map(undelivered, statuses) if count]
    events, webhooks = counted(sum(counts), "event"), counted(len(counts), "webhook")
    context.out.note(f"Undelivered: {events} of {webhooks}; `tocsin status` says why.")
