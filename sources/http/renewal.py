"""Uses a certificate that was renewed without a new start."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from sources.base import SourceError
from sources.http.listening import load_certificate
from sources.inlet import Inlet
from store.errors import StoreError

LOOK_S = 60.0
"""How often it is looked whether the certificate was renewed."""


class Renewal:
    """The certificate of a server that runs, and whether its files are as they were."""

    def __init__(
        self, context: ssl.SSLContext, certificate: str, private_key: str, inlet: Inlet
    ) -> None:
        self._context = context
        self._files = (certificate, private_key)
        self._inlet = inlet
        self._seen = _changed_at(self._files)
        self._is_failing = False

    async def watch(self) -> None:
        """Look again and again, without end."""
        while True:
            await asyncio.sleep(LOOK_S)
            await self.look()

    async def look(self) -> None:
        """Use the files if they have changed; while they are no good, the source's health says so.

        What could not be noted is noted with the next look.
        """
        now = _changed_at(self._files)
        if now == self._seen and not self._is_failing:
            return
        with suppress(StoreError):
            try:
                load_certificate(self._context, *self._files)
                self._seen = now
                if self._is_failing:
                    await self._inlet.note_own_success()
                    self._is_failing = False
            except SourceError as error:
                self._is_failing = True
                await self._inlet.note_own_failure(f"the old certificate is used still: {error}")


def _changed_at(files: Iterable[str]) -> list[int]:
    found: list[int] = []
    for file in files:
        try:
            found.append(Path(file).stat().st_mtime_ns)
        except OSError:
            found.append(0)
    return found
