"""What every command is given: settings, who asks, output, the store, clock and dice."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cli.config import Configuration
    from cli.output import Output
    from domain.actors import Actor
    from domain.settings import Settings
    from store.database import Store


class Context:
    """One run of `tocsin`. Closes what it opened when used as a context manager.

    `settings` are what flags, environment and file say, and from `open_store` on also what
    the store says.
    """

    def __init__(
        self,
        configuration: Configuration,
        actor: Actor,
        out: Output,
        *,
        new_store: bool = False,
    ) -> None:
        self.configuration = configuration
        self.new_store = new_store
        """True if a store is to be made also where there was one, which is done once."""
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
        self, *, migrate: bool = False, create: bool = True, join_settings: bool = True
    ) -> Store:
        """Open the store, let its own settings join in, and close it when the run ends.

        Without `join_settings` also a store opens whose settings contradict the others.
        """
        from store.database import open_store

        store = open_store(
            self.db,
            key_file=self.configuration.key_file,
            migrate=migrate,
            create=create,
            new_store=self.new_store,
        )
        self.new_store = False
        self._opened.callback(store.close)
        self._warn(store)
        if join_settings:
            self._read_stored_settings(store)
        return store

    def _warn(self, store: Store) -> None:
        """Tell what the store warns of, once in a run however often it is opened."""
        for warning in store.warnings:
            if warning not in self._warned:
                self._warned.add(warning)
                self.out.note(f"warning: {warning}")

    def _read_stored_settings(self, store: Store) -> None:
        from store.settings import load_all

        self.configuration = self.configuration.with_stored(store.call(load_all))

    def now_ms(self) -> int:
        """The time: UTC, in milliseconds."""
        return time.time_ns() // 1_000_000

    def uptime_ms(self) -> int:
        """The machine's monotonic clock, one for all processes, in milliseconds."""
        return time.monotonic_ns() // 1_000_000

    def random_bytes(self, count: int) -> bytes:
        """Random bytes fit for secrets."""
        return os.urandom(count)

    def random64(self) -> int:
        """64 random bits, for the ids of events."""
        return int.from_bytes(os.urandom(8), "big")

    def dice(self) -> float:
        """A random number from 0 to just under 1, for jitter."""
        return int.from_bytes(os.urandom(6), "big") / 2**48
