"""Names that people may take for one another: refused where new, told where they are kept."""

from __future__ import annotations

import pytest

from domain import clients as terms
from domain.errors import FieldError
from store import clients, lookalikes, sources, tokens, webhooks
from store.errors import Conflict
from store.models import WebhookRow
from tests.support.stores import ACTOR, NOW, Desk, fields

LOOKS = "looks like siem, which is there: choose another"


def stored(desk: Desk, *names: str) -> list[int]:
    """Webhooks of an older Tocsin, which took every printed name."""
    ids = [desk.add() for _ in names]
    for id_, name in zip(ids, names, strict=True):
        desk.call(WebhookRow.update(name=name).where(WebhookRow.id == id_).execute)
    return ids


def test_a_new_webhook_may_not_look_like_another(desk: Desk) -> None:
    desk.add(fields(name="siem"))
    with pytest.raises(Conflict, match=LOOKS):
        desk.add(fields(name="SIEM"))
    with pytest.raises(FieldError, match="looks like a blank"):
        desk.add(fields(name="\u3164"))
    other = desk.add(fields(name="other"))
    with pytest.raises(Conflict, match=LOOKS):
        desk.edit(other, fields(name="Siem"))
    desk.edit(other, fields(name="Other"))


def test_what_is_stored_already_goes_on_and_is_told(desk: Desk) -> None:
    first, second, blank = stored(desk, "siem", "SIEM", "\u3164")
    for id_, name in ((first, "siem"), (second, "SIEM"), (blank, "\u3164")):
        desk.edit(id_, fields(name=name, max_events=7))
    assert sorted(map(sorted, desk.call(lookalikes.load_all))) == [["SIEM", "siem"], ["\u3164"]]
    desk.call(webhooks.delete, [first], ACTOR, NOW)
    assert desk.call(lookalikes.load_all) == [("\u3164",)]
    desk.call(webhooks.undelete, [first], ACTOR, NOW)


def test_sources_hosts_brokers_and_tokens_keep_to_it_too(desk: Desk) -> None:
    desk.add_source("siem")
    for kind in (terms.AGENT, terms.BROKER):
        with pytest.raises(Conflict, match=LOOKS):
            desk.call(clients.add, kind, "Siem", f"u-{kind}", "code", ACTOR, NOW)
    with pytest.raises(Conflict, match=LOOKS):
        desk.add_source("SIEM")
    desk.call(clients.add, terms.AGENT, "host", "u", "code", ACTOR, NOW)
    with pytest.raises(Conflict, match="looks like host"):
        desk.call(clients.add, terms.AGENT, "HOST", "u2", "code", ACTOR, NOW)
    desk.call(tokens.add, "siem", "t1", ACTOR, NOW)
    with pytest.raises(Conflict, match=LOOKS):
        desk.call(tokens.add, "SIEM", "t2", ACTOR, NOW)
    assert desk.call(lookalikes.load_all) == []


def test_what_is_carried_from_another_store_is_taken(desk: Desk) -> None:
    desk.add_source("siem")
    desk.call(sources.add, "wireguard", "SIEM", {}, ACTOR, NOW, carried=True)
    assert [set(one) for one in desk.call(lookalikes.load_all)] == [{"siem", "SIEM"}]
