"""Scenes on the form of a webhook, and what its tests share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from msgspec.structs import replace
from textual.pilot import Pilot
from textual.widgets import Button, Select, Static

from domain.actors import Actor
from store import audit, webhooks
from store.records import AuditEntry, Webhook
from tests.support.apps import Bench, screen_text
from tests.support.stores import fields
from tests.support.waiting import PATIENCE_S
from tui.app import TocsinApp
from tui.webhook_form.saving import Saved
from tui.webhook_form.screen import WebhookFormScreen
from tui.widgets.inputs import NameValueBox, TextBox

BOB = Actor("bob", "bob", "192.0.2.9")


HEADERS = (("Authorization", "Bearer abcdefghijkl3f9a"), ("X-Foo", "bar & baz"))


SIEM = fields(name="siem", headers=HEADERS, extra_fields=(("source", "tocsin"),))


@dataclass
class Form:
    """An open form with short words for what is done to it; `result` is how it ended."""

    bench: Bench
    app: TocsinApp
    pilot: Pilot[int]
    result: list[Saved | None]

    @property
    def text(self) -> str:
        return screen_text(self.app)

    @property
    def words(self) -> str:
        """The text without frames, where lines are folded as well."""
        return " ".join(self.text.replace("│", " ").split())

    @property
    def is_open(self) -> bool:
        return not self.result

    async def press(self, *keys: str) -> None:
        """Press keys and let everything that follows from them happen."""
        await self.pilot.press(*keys)
        await self.settle()

    async def settle(self) -> None:
        await self.pilot.pause()
        await self.pilot.pause()

    async def until(self, text: str) -> None:
        """Wait until the screen shows a text."""
        async with asyncio.timeout(PATIENCE_S):
            while text not in self.text:
                await self.pilot.pause(0.01)

    async def write(self, name: str, text: str) -> None:
        """Replace what stands in a field."""
        box = self.app.screen.query_one(f"#box-{name}")
        if isinstance(box, TextBox):
            box.value = text
        elif isinstance(box, NameValueBox):
            box.text = text
        elif isinstance(box, Select):
            box.value = text
        await self.settle()

    def value(self, name: str) -> str:
        box = self.app.screen.query_one(f"#box-{name}")
        return box.text if isinstance(box, NameValueBox) else box.value  # type: ignore[attr-defined]

    def message(self, name: str) -> str:
        """Return the text below a field."""
        message = self.app.screen.query_one(f"#field-{name} .field-message")
        return str(message.render()) if message.display else ""

    @property
    def notice(self) -> str:
        return str(self.app.screen.query_one("#form-notice", Static).render())

    def can_save(self) -> bool:
        return not self.app.screen.query_one("#save", Button).disabled


@asynccontextmanager
async def form(
    bench: Bench,
    *,
    editing: int | None = None,
    copy_of: int | None = None,
    size: tuple[int, int] = (80, 24),
) -> AsyncIterator[Form]:
    async with bench.running(size) as (app, pilot):
        result: list[Saved | None] = []
        desk = app._access
        screen = WebhookFormScreen(desk, app.live, editing=editing, copy_of=copy_of)
        await app.push_screen(screen, result.append)
        opened = Form(bench, app, pilot, result)
        await opened.settle()
        yield opened


def webhook(bench: Bench, webhook_id: int = 1) -> Webhook:
    return bench.opened.call(webhooks.find, webhook_id, bench.opened.vault)


def trail(bench: Bench) -> list[AuditEntry]:
    return bench.opened.call(audit.changes)


def actions(bench: Bench) -> list[str]:
    return [change.action for change in trail(bench)]


def edit_as_bob(bench: Bench, **changes: object) -> None:
    """Bob saves webhook 1 from another terminal."""
    bench.opened.call(
        webhooks.edit,
        1,
        replace(webhook(bench).fields, **changes),
        None,
        revision=None,
        vault=bench.opened.vault,
        actor=BOB,
        now_ms=bench.clock.now_ms,
    )
