"""Drafts through the access: there and back, and harmless where they cannot be read."""

from __future__ import annotations

import asyncio
import json

from msgspec.structs import replace

from domain.event_types import EventType
from domain.webhooks import WebhookFields
from store import drafts as stored
from tests.support.apps import Bench
from tests.support.stores import ACTOR, NOW
from tui.state.store_access import StoreAccess
from tui.webhook_form import drafts
from tui.webhook_form.drafts import FormDraft
from tui.webhook_form.texts import LABELS, FormTexts, texts_of

BASE = texts_of(WebhookFields(EventType.ALERTS, "https://a.example", headers=(("X-A", "old"),)))
TYPED = replace(
    BASE, url="", headers="X-A: ••••\nX-B: typed\nhalf a li", generated="whsec_generated"
)


def access_of(bench: Bench) -> StoreAccess:
    return bench.app()._access


def test_a_draft_comes_back_whole_with_its_values_hidden(bench: Bench) -> None:
    access = access_of(bench)

    async def scene() -> FormDraft | None:
        await drafts.keep(access, "1", FormDraft(TYPED, BASE, 4))
        return await drafts.find(access, "1")

    found = asyncio.run(scene())
    assert found is not None
    assert not found.typed.changed_from(TYPED)
    assert found.typed.headers == "X-A: ••••\nX-B: ••••\nhalf a li"
    assert (found.base, found.revision, found.typed.generated, found.at_ms) == (
        BASE,
        4,
        "whsec_generated",
        NOW,
    )


def test_what_another_tocsin_wrote_is_left_alone(bench: Bench) -> None:
    access, vault = access_of(bench), bench.opened.vault
    for text in ("", "[]", '{"typed": {}}', '{"typed": {"texts": {"colour": "red"}}}'):
        bench.opened.call(stored.save, "new", text, vault=vault, actor=ACTOR, now_ms=NOW)
        assert asyncio.run(drafts.find(access, "new")) is None


def test_a_dropped_draft_is_not_found(bench: Bench) -> None:
    access = access_of(bench)

    async def scene() -> FormDraft | None:
        kept_ms = await drafts.keep(access, "new", FormDraft(TYPED, BASE, None))
        await drafts.drop(access, "new", kept_ms)
        return await drafts.find(access, "new")

    assert asyncio.run(scene()) is None


def test_the_url_of_a_draft_that_an_older_tocsin_kept_is_hidden(bench: Bench) -> None:
    access, vault = access_of(bench), bench.opened.vault
    url = "https://hooks.slack.com/services/T0123ABCD/B0456EFGH/typed"
    base = {"texts": {name: getattr(FormTexts(), name) for name in LABELS}, "known": {}}
    typed = {"texts": {**base["texts"], "url": url}, "known": {}}
    text = json.dumps({"typed": typed, "base": base, "revision": None, "generated": ""})
    bench.opened.call(stored.save, "new", text, vault=vault, actor=ACTOR, now_ms=NOW)
    found = asyncio.run(drafts.find(access, "new"))
    assert found is not None
    assert found.typed.url == "https://hooks.slack.com/services/••••"
    assert found.typed.plain.url == url
