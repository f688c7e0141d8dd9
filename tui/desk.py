"""What the screens may read and ask for: the one way from them to the store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any, TypeVar

from domain.actors import Actor
from domain.field_errors import FieldError, FieldErrors
from domain.quick import dataclass
from domain.settings import BY_NAME, Settings, settings_from
from store.database import Store
from store.errors import StoreError
from tui.looks import Looks
from tui.turns import Turns

if TYPE_CHECKING:
    from tui.worker_thread import WorkerThread

T = TypeVar("T")


class Refused(Exception):
    """What was asked for cannot be done; `str()` is the sentence for the admin."""


def _of_nobody(_name: str) -> str:
    return "default"


def _of_no_machine() -> None:
    return None


def settings_of_store(stored: Mapping[str, str]) -> Settings:
    """The settings where nobody but the store says any. Raises ValueError."""
    known = {name: text for name, text in stored.items() if name in BY_NAME}
    return settings_from({name: BY_NAME[name].parse(text) for name, text in known.items()})


@dataclass(frozen=True, slots=True)
class Desk:
    """One admin at one store. `merge` makes the settings in force from those the store keeps.

    `check_stored` raises ValueError, with the reason and the cure, for settings that would not
    do; `origin` tells who gave a setting its value; `worker` is the one of this terminal;
    `looks` and `turns` outlive the screen that asked for them. `uptime_ms` is the machine's
    monotonic clock.
    """

    store: Store
    actor: Actor
    merge: Callable[[Mapping[str, str]], Settings]
    now_ms: Callable[[], int]
    random_bytes: Callable[[int], bytes]
    worker: WorkerThread | None = None
    origin: Callable[[str], str] = _of_nobody
    check_stored: Callable[[Mapping[str, str]], object] = settings_of_store
    looks: Looks = field(default_factory=Looks)
    turns: Turns = field(default_factory=Turns)
    uptime_ms: Callable[[], int | None] = _of_no_machine

    async def read(self, query: Callable[..., T], *args: Any, **named: Any) -> T:
        """Ask the store. Raises Refused."""
        try:
            return await self.store.run(query, *args, **named)
        except (StoreError, FieldError, FieldErrors) as error:
            raise Refused(str(error)) from error

    async def change(self, request: Callable[..., T], *args: Any, **named: Any) -> T:
        """Change the store in the admin's name. Raises Refused."""
        if self.store.outdated:
            raise Refused("this store is of an older Tocsin: run `tocsin db upgrade` first")
        return await self.read(request, *args, actor=self.actor, now_ms=self.now_ms(), **named)
