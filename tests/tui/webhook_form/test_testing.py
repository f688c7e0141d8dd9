"""The test that is sent from the form: what it needs, and its line in the audit trail."""

from __future__ import annotations

import asyncio

import pytest
from textual.widgets import Collapsible

from delivery.testing import ABANDONED
from tests.support.apps import Bench
from tests.support.receiver_client import Receiver
from tests.support.waiting import PATIENCE_S
from tests.support.webhook_forms import form, trail


@pytest.mark.parametrize("keys", [("escape", "y"), ("f5",), ("ctrl+q", "y")])
def test_a_test_that_is_not_waited_for_is_in_the_audit_trail(
    bench: Bench, receiver: Receiver, keys: tuple[str, ...]
) -> None:
    async def scene() -> None:
        async with form(bench) as shown:
            await shown.write("url", receiver.url("/hang/left?key=abcdefghijkl3f9a"))
            await shown.press("f5")
            await asyncio.to_thread(receiver.wait, count=1)
            await shown.press(*keys)

    asyncio.run(asyncio.wait_for(scene(), PATIENCE_S))
    noted = trail(bench)[-1]
    assert noted.action == "webhook.test"
    assert (noted.detail["status"], noted.detail["error"]) == (None, ABANDONED)
    assert str(noted.detail["url"]).endswith("/hang/••••")


def test_what_a_test_does_not_need_may_be_wrong(bench: Bench, receiver: Receiver) -> None:
    async def scene() -> None:
        async with form(bench) as shown:
            await shown.write("url", receiver.url("/ok/tested"))
            await shown.write("start", "since")
            await shown.write("since", "yesterday or so")
            await shown.write("max_events", "many")
            assert not shown.can_save()
            await shown.press("f5")
            await shown.until("✓ delivered: answered 200 OK")

    asyncio.run(scene())


def test_a_test_points_at_the_first_field_that_it_needs(bench: Bench) -> None:
    async def scene() -> None:
        async with form(bench) as shown:
            await shown.write("url", "https://example.com")
            await shown.write("max_events", "many")
            await shown.write("ca_file", "relative.pem")
            await shown.press("f5")
            assert shown.app.focused is not None
            assert shown.app.focused.id == "box-ca_file"
            assert not shown.app.screen.query_one(Collapsible).collapsed

    asyncio.run(scene())
