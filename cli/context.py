"""Context of a command: its configuration, store, clock, output, and the admin who gives it."""

from __future__ import annotations

import os
import socket
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from cli.exit_codes import ExitCode, Failure
from cli.output import WARNING, ProgressLine

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cli.config_file import Configuration
    from cli.output import Output
    from domain.actors import Actor
    from domain.settings import Settings
    from store.database import Store


class Context:
    """One run of `tocsin`. Closes what it opened when used as a context manager.

    `settings` are those of flags, environment and file, and from `open_store` on also those of
    the store.
    """

    def __init__(
        self, configuration: Configuration, actor: Actor, out: Output, *, new_store: bool = False
    ) -> None:
        self.configuration = configuration
        self.new_store = new_store
        """True until a store is made where one was before, or where its key was put."""
        self.actor = actor
        self.out = out
        self._opened = ExitStack()
        self._warned: set[str] = set()

    def __enter__(self) -> Context:
        return self

    def __exit__(self, *exception: object) -> None:
        self._opened.close()

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self.configuration.settings

    @property
    def db(self) -> Path:
        """The path of the store."""
        return self.configuration.db

    def open_store(
        self,
        *,
        migrate: bool = False,
        create: bool = True,
        join_settings: bool = True,
        note: Callable[[str], None] | None = None,
    ) -> Store:
        """Open the store, read the settings that it keeps, and close it when the run ends.

        Without `join_settings` also a store opens whose settings contradict the others. `note`
        gets the lines that warn, in place of the output.
        """
        from store.database import open_store

        with ProgressLine(self.out, f"{self.db} is being upgraded") as line:
            store = open_store(
                self.db,
                key_file=self.configuration.key_file,
                migrate=migrate,
                create=create,
                new_store=self.new_store,
                report=lambda state: line.show(state.percent, state.part),
            )
        self.new_store = False
        self._opened.callback(store.close)
        for warning in store.warnings:
            if warning not in self._warned:  # however often the store is opened
                self._warned.add(warning)
                (note or self.out.note)(f"{WARNING}{warning}")
        if join_settings:
            from store.settings import load_all

            self.configuration = self.configuration.with_stored(store.call(load_all))
        return store

    def now_ms(self) -> int:
        """The time: UTC, in milliseconds."""
        return time.time_ns() // 1_000_000

    def uptime_ms(self) -> int:
        """The machine's monotonic clock, the same for all processes, in milliseconds."""
        return time.monotonic_ns() // 1_000_000

    def random_bytes(self, count: int) -> bytes:
        """Random bytes fit for secrets."""
        return os.urandom(count)

    def random64(self) -> int:
        """64 random bits, for the ids of events."""
        return int.from_bytes(os.urandom(8), "big")


def open_for_writing(context: Context) -> Store:
    """Open the store, and refuse one that must be upgraded first.

    Make it if there is none, and note that: its path may be mistyped.
    """
    store = context.open_store()
    note_new(store, context)
    if store.upgrade is not None:
        raise Failure(store.upgrade.sentence(store.path), ExitCode.TEMPORARY)
    if store.outdated:
        raise Failure(
            f"{store.path} was made by an older Tocsin and can only be read: "
            "run `tocsin db upgrade`, or start a worker, which upgrades it too",
            ExitCode.UNAVAILABLE,
        )
    return store


def note_new(store: Store, context: Context) -> None:
    """Note on stderr that the command made the store."""
    if store.is_new:
        context.out.note(f"Made a new store at {store.path}.")


def open_for_reading(context: Context, *, join_settings: bool = True) -> Store:
    """Open the store that is there; note it if it is an older one."""
    from store.errors import StoreGone, StoreUnavailable

    try:
        store = context.open_store(create=False, join_settings=join_settings)
    except StoreGone:
        raise
    except StoreUnavailable as error:
        if not _is_missing(context.db):
            raise
        cure = "`tocsin`, or a command that adds something, makes one; --db names another"
        raise Failure(f"{error}; {cure}", ExitCode.UNAVAILABLE) from error
    if store.outdated:
        note_outdated(store, context)
    return store


def note_outdated(store: Store, context: Context) -> None:
    """Note on stderr that a store can only be read, and the reason."""
    if store.upgrade is not None:
        context.out.note(f"{store.upgrade.sentence(store.path)}.")
    else:
        context.out.note(
            f"{store.path} was made by an older Tocsin: it is only read until `tocsin db upgrade`, "
            "or a worker that starts, brings it up to date."
        )


def _is_missing(path: Path) -> bool:
    try:
        path.stat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False


def record_opening(context: Context, store: Store) -> None:
    """Queue the sign-in event of an opened screen, unless its source is paused.

    Raises StoreError.
    """
    from domain.alert_kinds import all_terms
    from domain.source_kinds import OWN_SIGN_INS
    from sources.factory import SourceTerms, sign_in_rules
    from sources.logins.own_sign_ins import screen_opened, sign_in_step
    from sources.wireguard.source import MACHINE_ID_FILE, machine_key
    from store import alert_settings, sources

    now_ms = context.now_ms()
    sign_in = screen_opened(
        context.actor,
        machine=machine_key(MACHINE_ID_FILE),
        host=socket.gethostname(),
        now_ms=now_ms,
        random64=context.random64,
    )
    terms = SourceTerms(context.settings, all_terms(store.call(alert_settings.load_all)))
    step = sign_in_step(sign_in, sign_in_rules(terms))
    store.call(sources.advance, OWN_SIGN_INS, step, now_ms)
