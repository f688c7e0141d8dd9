"""`tocsin source ...`: watching what makes events."""

from __future__ import annotations

import asyncio
from argparse import Namespace
from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING

from cli.context import Context
from cli.exit_codes import ExitCode, Failure
from cli.log_lines import LogLines
from cli.stopping import stop_on_signals
from cli.stores import open_for_writing
from domain.settings import Settings

if TYPE_CHECKING:
    from sources.base import Source
    from store.database import Store
    from store.records import Appended

SOURCE_GRACE_S = 5.0


def run(args: Namespace, context: Context) -> ExitCode:
    """Watch a source and queue its events, until stopped; or look once."""
    from sources.base import SourceError

    store = open_for_writing(context)
    try:
        with LogLines(context.out.note_directly) as lines:
            appended = asyncio.run(_run(args.source, context, store, lines.note, once=args.once))
    except SourceError as error:
        raise Failure(f"source {args.source}: {error}", _failed(context, store)) from error
    context.out.json_line({"accepted": appended.accepted, "repeated": appended.repeated})
    return ExitCode.OK


def _failed(context: Context, store: Store) -> ExitCode:
    """A look that failed: for want of disk, or because there was nothing to be seen."""
    from store.disk import free_bytes

    full = free_bytes(store.path) < context.settings.min_free_disk_bytes
    return ExitCode.TEMPORARY if full else ExitCode.IO_ERROR


async def _run(
    kind: str, context: Context, store: Store, log: Callable[[str], None], *, once: bool
) -> Appended:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    with stop_on_signals(lambda: loop.call_soon_threadsafe(stop.set), SOURCE_GRACE_S):  # type: ignore[arg-type]  # what it returns is not looked at
        return await run_source_of_kind(kind, context, store, stop, lambda: None, log, once=once)


async def run_source_of_kind(
    kind: str,
    context: Context,
    store: Store,
    stop: asyncio.Event,
    on_appended: Callable[[], None],
    log: Callable[[str], None],
    *,
    once: bool = False,
) -> Appended:
    """Watch a source until `stop`, telling `log` what fails."""
    from sources.base import run_source
    from sources.by_command import watching_by_command

    settings = context.settings
    with nullcontext() if once else watching_by_command(store.path, kind):
        return await run_source(
            make_source(kind, settings),
            store=store,
            every_ms=settings.wireguard_every_ms,
            stop=stop,
            clock=context.now_ms,
            on_appended=on_appended,
            once=once,
            min_free_disk_bytes=settings.min_free_disk_bytes,
            on_failure=lambda sentence: log(f"source {kind}: {sentence}"),
        )


def make_source(kind: str, settings: Settings) -> Source:
    """The source of a kind, as the settings describe it."""
    from sources.wireguard.source import WireGuardSource

    if kind != WireGuardSource.kind:
        raise Failure(f"there is no source {kind}", ExitCode.USAGE)
    return WireGuardSource(settings.wireguard_command)
