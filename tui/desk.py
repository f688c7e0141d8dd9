"""What the screens may read and ask for: the one way from them to the store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from domain.actors import Actor
from domain.settings import Settings
from store.database import Store
from store.errors import StoreError

T = TypeVar("T")


class Refused(Exception):
    """What was asked for cannot be done; `str()` is the sentence for the admin."""


@dataclass(frozen=True, slots=True)
class Desk:
    """One admin at one store. `merge` makes the settings in force from those the store keeps."""

    store: Store
    actor: Actor
    merge: Callable[[Mapping[str, str]], Settings]
    now_ms: Callable[[], int]
    random_bytes: Callable[[int], bytes]

    async def read(self, query: Callable[..., T], *args: Any, **named: Any) -> T:
        """Ask the store. Raises Refused."""
        try:
            return await self.store.run(query, *args, **named)
        except StoreError as error:
            raise Refused(str(error)) from error

    async def change(self, request: Callable[..., T], *args: Any, **named: Any) -> T:
        """Change the store in the admin's name. Raises Refused."""
        if self.store.outdated:
            raise Refused("this store is of an older Tocsin: run `tocsin db upgrade` first")
        return await self.read(request, *args, actor=self.actor, now_ms=self.now_ms(), **named)
