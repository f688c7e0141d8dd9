"""Texts meant to do harm, fed through everything that comes from outside, on every screen.

What is looked at is what Textual hands to the terminal: the segments of its compositor.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import pkgutil
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from rich.segment import Segment
from textual.events import Paste
from textual.pilot import Pilot
from textual.screen import Screen

import tui
from domain.actors import Actor
from domain.clients import ConfFile
from domain.event_types import EventType
from domain.events import Event, RefusedText
from domain.source_kinds import BY_NAME
from store import audit, refusals, sources
from store.models import QuarantineRow, RefusalRow, WebhookRow, WorkerRow
from store.queue import attempts
from store.queue.shared_bodies import SharedBodies
from store.records import AttemptResult, AuditEntry, Delivery, Verdict, Work
from store.refusals import TakingRules
from store.workers import SendingLock
from tests.support.apps import Bench, screen_text
from tests.support.stores import CREATED_S, LIMITS, NOW, compact, event, fields
from tui.admin.audit import ChangeScreen
from tui.app import TocsinApp
from tui.deliveries.delivery_screen import DeliveryScreen
from tui.deliveries.quarantine import QuarantineScreen
from tui.deliveries.reseal import EventChoiceScreen, LeftOut, ResealScreen
from tui.deliveries.screen import DeliveriesScreen
from tui.events.event_screen import EventScreen
from tui.questions import Question
from tui.screens.base import TocsinScreen
from tui.screens.dialogs import Choice, ConfirmScreen, MenuScreen, SaveScreen
from tui.screens.help import HelpScreen
from tui.screens.option_form import Form, FormField, OptionFormScreen
from tui.screens.store_gone import StoreGoneScreen
from tui.shell.clipboard import CopiedScreen
from tui.shell.crashes import BugScreen
from tui.sources.hosts import ConfFilesScreen, HostFiles
from tui.sources.refused import ReceiverScreen, RefusedScreen
from tui.state.live_report import LiveReport
from tui.state.store_access import Refused, StoreAccess
from tui.webhook_form.draft_keeper import KeptDraftScreen
from tui.webhook_form.screen import WebhookFormScreen
from tui.webhooks.screen import WebhooksScreen

PIECES = (
    "\x1b[2J",  # clear the screen
    "\x1b]52;c;aGk=\x07",  # set the clipboard
    "\x1b]0;owned\x07",  # set the title
    "\x9b31m",  # C1: colours without an escape
    "\x1bc",  # reset the terminal
    "\u202e\u2066",  # turn the direction of writing
    "\u2028\u200b\r\n\t",
    "[/]",
    "[@click=app.bell]x[/]",
    "x[/b]y",
    "[red on red",
    "$primary \\[",
)
HOSTILE = " ".join(PIECES)
OFFERED = re.compile(r"(screen\.choose\('[a-z.-]+'\))?")
"""No click, or one on a line of the help."""
LONG = HOSTILE + "A" * 1_000_000
FORBIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
SIZES = ((60, 15), (120, 40))
WHO = Actor(HOSTILE, HOSTILE, HOSTILE)
NAMES = ("type", "danger", "ip", "port", "rx_delta", "status", "field", "old_value", "params")
EVIL_ID = f"e{HOSTILE}"


@dataclass(frozen=True)
class Seen:
    """Parts that screens are made with."""

    access: StoreAccess
    live: LiveReport
    delivery: Delivery
    change: AuditEntry


Factory = Callable[[Seen], Screen[Any]]


def hostile_event(type_: EventType, id_: str, text: str) -> Event:
    """An event that holds a text in every place."""
    attributes: dict[str, object] = {name: text for name in NAMES}
    attributes |= {text: {text: [text]}, "raw": text}
    user = {"user": {"data": [{"id": text, "type": text}]}}
    value = {"type": type_.value, "id": id_, "attributes": attributes, "relationships": user}
    return Event(type_, id_, compact(value), created_s=CREATED_S)


def fill(bench: Bench) -> tuple[Delivery, AuditEntry]:
    """A store in which whatever can be hostile is; a failed delivery and a change in it."""
    access = bench.store
    for type_ in EventType:
        access.append(event(1, type_), hostile_event(type_, EVIL_ID, HOSTILE))
        access.append(hostile_event(type_, "long", LONG))
    webhook_id = access.add(fields(name="[@click=app.bell]x"), start=0)
    access.add(fields(EventType.LOG_CHANGES, name="x[/b]y"), start=0)
    work = access.started(webhook_id)
    bench.opened.call(_spoil, bench, work)
    return access.delivery(work.public_id), bench.opened.call(audit.changes)[0]


def _spoil(bench: Bench, work: Work) -> None:
    answer = AttemptResult(
        started_ms=NOW - 40,
        duration_ms=40,
        status=503,
        error=HOSTILE,
        detail=LONG,
        answer_headers=((HOSTILE, HOSTILE), ("Server", LONG)),
        answer_body=LONG.encode()[:4096],
        worker=HOSTILE,
    )
    verdict = Verdict(False, NOW + 60_000, 60_000, HOSTILE)
    attempts.record(
        work,
        answer,
        verdict,
        limits=LIMITS,
        new_id=str,
        vault=bench.opened.vault,
        now_ms=NOW,
        shared=SharedBodies(),
        may_begin=lambda: True,
        go_on=False,
    )
    sources.add("wireguard", "hub", {"host": "x[/b]y"}, WHO, NOW)
    sources.save_failure("hub", LONG, NOW)
    refused = RefusedText(HOSTILE, LONG.encode(), HOSTILE)
    rules = TakingRules(lambda _: None, lambda *_: None)
    refusals.save_taken("hub", [], [refused], None, NOW, rules)
    RefusalRow.update(attempts=1, last_error=HOSTILE).execute()
    audit.note_alone(WHO, HOSTILE, NOW, 1, **{HOSTILE: LONG, "name": HOSTILE})
    WebhookRow.update(name=HOSTILE, url=f"https://example.com/{HOSTILE}").where(
        WebhookRow.id == 2
    ).execute()
    QuarantineRow.insert(
        webhook=1, type="alerts", seq=1, event_id=HOSTILE, delivery_public_id=HOSTILE, at_ms=NOW
    ).execute()


async def _refuse(_given: Mapping[str, str]) -> object:
    raise Refused(LONG)


_FIELD = FormField(BY_NAME["wireguard"].defaults[0], HOSTILE)
FORM = Form(HOSTILE, HOSTILE, LONG, (_FIELD,), _refuse, _refuse)
FILES = HostFiles(HOSTILE, (ConfFile(HOSTILE, LONG, True),))
QUESTION = Question(HOSTILE, (HOSTILE, LONG), yes=HOSTILE, no=HOSTILE)
MADE_WITH_MORE: dict[str, Factory] = {
    "EventScreen": lambda seen: EventScreen(seen.access, seen.live, EventType.ALERTS, 1, EVIL_ID),
    "DeliveriesScreen": lambda seen: DeliveriesScreen(seen.access, seen.live, webhook_id=2),
    "DeliveryScreen": lambda seen: DeliveryScreen(seen.access, seen.live, seen.delivery.id),
    "WebhookFormScreen": lambda seen: WebhookFormScreen(seen.access, seen.live, editing=1),
    "ResealScreen": lambda seen: ResealScreen(
        seen.access, seen.delivery, None, without=LeftOut(1, LONG)
    ),
    "EventChoiceScreen": lambda seen: EventChoiceScreen(seen.access, seen.delivery, None, 1),
    "QuarantineScreen": lambda seen: QuarantineScreen(seen.access, None, {1: HOSTILE, 2: HOSTILE}),
    "ChangeScreen": lambda seen: ChangeScreen(seen.change),
    "ConfirmScreen": lambda _seen: ConfirmScreen(QUESTION),
    "KeptDraftScreen": lambda _seen: KeptDraftScreen(QUESTION),
    "MenuScreen": lambda _seen: MenuScreen(HOSTILE, [Choice("a", "one of ours")]),
    "RefusedScreen": lambda seen: RefusedScreen(seen.access, seen.live, "hub"),
    "ReceiverScreen": lambda _seen: ReceiverScreen(HOSTILE, {1: HOSTILE}),
    "SaveScreen": lambda _seen: SaveScreen("no folder/msg_1.json", b""),
    "BugScreen": lambda _seen: BugScreen(LONG, None),
    "StoreGoneScreen": lambda _seen: StoreGoneScreen(LONG),
    "OptionFormScreen": lambda seen: OptionFormScreen(seen.access, seen.live, FORM),
    "ConfFilesScreen": lambda _seen: ConfFilesScreen(FILES),
    "CopiedScreen": lambda _seen: CopiedScreen(LONG, "tmux did not take it"),
}


def every_screen() -> dict[str, type[Screen[Any]]]:
    """The screens of all places; those that others are made from are no screens yet."""
    found: dict[str, type[Screen[Any]]] = {}
    for module in pkgutil.walk_packages(tui.__path__, "tui."):
        members = vars(importlib.import_module(module.name)).values()
        found |= {
            one.__name__: one
            for one in members
            if inspect.isclass(one) and issubclass(one, Screen) and one.__module__ == module.name
        }
    bases = {base for one in found.values() for base in one.__mro__[1:]}
    made = [one for one in found.values() if one not in bases or one.__name__ in MADE_WITH_MORE]
    return {one.__name__: one for one in made if one is not HelpScreen}  # `?` opens that one


def make(name: str, seen: Seen) -> Screen[Any]:
    """A screen with what it needs beside access and live report."""
    if name in MADE_WITH_MORE:
        return MADE_WITH_MORE[name](seen)
    screen = every_screen()[name]
    return screen(seen.access, seen.live) if issubclass(screen, TocsinScreen) else screen()


def assert_harmless(app: TocsinApp) -> None:
    """Nothing that a terminal would obey; a click runs nothing but what the help itself offers."""
    for segment in painted(app):
        assert not segment.control
        assert not {unicodedata.category(one) for one in segment.text} & FORBIDDEN, segment
        meta = segment.style.meta if segment.style is not None else {}
        assert OFFERED.fullmatch(meta.get("@click", "")), segment
        assert segment.style is None or segment.style.link is None


def painted(app: TocsinApp) -> Iterator[Segment]:
    """Every piece that the compositor gives to the terminal."""
    for strip in app.screen._compositor.render_strips():
        yield from strip


async def settle(app: TocsinApp, pilot: Pilot[int]) -> None:
    await pilot.pause()
    await app.workers.wait_for_complete()
    await pilot.pause()


@pytest.mark.parametrize("name", sorted(every_screen()))
def test_every_screen_is_harmless(bench: Bench, name: str) -> None:
    delivery, change = fill(bench)

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            app.push_screen(make(name, Seen(app._access, app.live, delivery, change)))
            for size in SIZES:
                await pilot.resize_terminal(*size)
                await settle(app, pilot)
                assert_harmless(app)
            for key in ("down", "enter", "tab", "right", "plus", "question_mark"):
                await pilot.press(key)
                await settle(app, pilot)
                assert_harmless(app)

    asyncio.run(scene())


def test_a_notice_is_harmless(bench: Bench) -> None:
    async def scene() -> None:
        async with bench.running() as (app, pilot):
            screen = app.screen
            assert isinstance(screen, WebhooksScreen)
            screen.show_notice(HOSTILE, bad=True)
            await settle(app, pilot)
            assert "x[/b]y" in screen_text(app)
            assert_harmless(app)

    asyncio.run(scene())


def test_the_first_line_is_harmless(bench: Bench) -> None:
    bench.opened.call(_hostile_worker)
    lock = SendingLock(bench.opened.path)
    assert lock.acquire()

    async def scene() -> None:
        async with bench.running((120, 40)) as (app, pilot):
            await settle(app, pilot)
            assert "\\x1b[2J" in screen_text(app)
            assert_harmless(app)

    asyncio.run(scene())
    lock.release()


def _hostile_worker() -> None:
    WorkerRow.insert(
        id="w",
        host=HOSTILE,
        pid=1,
        kind=HOSTILE,
        active=True,
        started_ms=NOW,
        heartbeat_ms=NOW,
    ).execute()


def test_a_search_for_a_hostile_text_is_harmless(bench: Bench) -> None:
    fill(bench)

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await pilot.press("3", "slash", *"[/]x[/b]")
            await settle(app, pilot)
            assert "/[/]x[/b]" in screen_text(app)
            assert_harmless(app)

    asyncio.run(scene())


def test_what_was_hostile_is_still_readable(bench: Bench) -> None:
    fill(bench)

    async def scene() -> None:
        async with bench.running((120, 40)) as (app, pilot):
            await settle(app, pilot)
            assert "[@click=app.bell]x" in screen_text(app)
            await pilot.press("3", "down", "enter")
            await settle(app, pilot)
            text = screen_text(app)
            assert "\\u001b[2J" in text  # as it stands in the JSON
            assert "\\x9b31m" in text  # as safe() writes it

    asyncio.run(scene())


@pytest.mark.parametrize(
    "keys", [("3", "slash"), ("2", "slash"), ("slash",), ("q", "a", "slash")], ids=str
)
def test_what_is_pasted_into_a_search_must_be_visible(bench: Bench, keys: tuple[str, ...]) -> None:
    bench.store.add(fields(name="siem"))  # an empty list has nothing to search

    async def scene() -> None:
        async with bench.running() as (app, pilot):
            await pilot.press(*keys)
            for piece in (*PIECES, "\u061c", "\ufeff"):
                app.post_message(Paste(f"harmless {piece}"))
                await settle(app, pilot)
                assert_harmless(app)
            assert "harmless x[/b]y" in screen_text(app)

    asyncio.run(scene())
