"""Command palette (ctrl+p): each action of the present screen, and every other place."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import msgspec
from textual.app import SystemCommand
from textual.binding import ActiveBinding
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.screen import ModalScreen, Screen

from tui.key_names import OF_EVERY_SCREEN, key_of, with_key
from tui.screens.base import TocsinScreen
from tui.sections import ALERTS_SCREEN, SECTIONS, SOURCES_SCREEN, load_screen
from tui.shell.navigation import Navigation
from tui.widgets.notices import show_notice

LESS = 0.01
"""The score of a match in the explanation: less than any match of the name."""

NOTHING = "Nothing here has these words"
ANSWER_FIRST = "Answer or close first what is open: the rest is offered after it"
OF_THE_COMMAND_LINE = {
    "tokens of HTTP clients": "tocsin token",
    "brokers that pull events": "tocsin broker",
    "export or import the configuration": "tocsin config",
    "back up, restore, check or prune the store": "tocsin db",
    "run as a service": "tocsin service",
    "audit trail of a time, as text or JSON": "tocsin audit",
}
"""Tasks that only the command line does, and the command for each."""


class Place(msgspec.Struct, frozen=True):
    """A screen of Admin as "module:class"; `id` is that of the key from the panel to it.

    `done` lists the tasks that can be done there.
    """

    title: str
    screen: str
    id: str = ""
    help: str = ""
    done: str = ""

    def load(self) -> type[TocsinScreen]:
        """Return the class of the screen."""
        found: type[TocsinScreen] = load_screen(self.screen)
        return found

    def is_of(self, screen: Screen[Any]) -> bool:
        """Return True if a screen is this place."""
        return f"{screen.__module__}:{type(screen).__name__}" == self.screen


WEBHOOKS = Place(
    "Webhooks",
    "tui.webhooks.screen:WebhooksScreen",
    "admin.webhooks",
    "all of them",
    "edit, pause, send, test, delete or undo a webhook",
)
PANEL = Place(
    "Administration",
    "tui.admin.panel:AdministrationScreen",
    help="all that is set up, and what is wrong",
)
SETTINGS = Place(
    "Worker and settings",
    "tui.admin.settings:SettingsScreen",
    "admin.settings",
    "who sends, intervals, limits, retention, colours",
    "change or undo a setting",
)
AUDIT = Place("Audit", "tui.admin.audit:AuditScreen", "admin.audit", "who changed what, and when")
SOURCES = Place(
    "Sources",
    SOURCES_SCREEN,
    "admin.sources",
    "where events come from, and how each does",
    "edit, pause, try, delete or undo a source",
)
ALERTS = Place(
    "Alerts",
    ALERTS_SCREEN,
    "admin.alerts",
    "which kinds are raised",
    "switch, tune or undo an alert",
)
PLACES = (WEBHOOKS, PANEL, SOURCES, ALERTS, SETTINGS, AUDIT)
FORMS = ("tui.webhook_form.screen", "tui.screens.option_form")


class Actions(Provider):
    """Search of an action by the words of its name and of its explanation."""

    async def discover(self) -> Hits:
        for command in self.app.get_system_commands(self.screen):
            yield DiscoveryHit(command.title, command.callback, help=command.help)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        found = False
        commands = (*self.app.get_system_commands(self.screen), *_elsewhere(self.app, self.screen))
        for command in commands:
            score = matcher.match(command.title) or LESS * _has_words(command, query, self.screen)
            if score > 0:
                found = True
                yield Hit(
                    score, matcher.highlight(command.title), command.callback, help=command.help
                )
        if not found:
            why = ANSWER_FIRST if isinstance(self.screen, ModalScreen) else ""
            yield Hit(LESS, NOTHING, _nothing, help=why)


def _has_words(command: SystemCommand, query: str, screen: Screen[Any]) -> bool:
    """Return True if a command has all words, in any order; those of the screen count too."""
    text = f"{command.title} {command.help}".lower()
    words = set(query.lower().split())
    others = {word for word in words if word not in text}
    shown = screen.CRUMBS.lower() if isinstance(screen, TocsinScreen) else ""
    return others < words and all(word in shown for word in others)


def _elsewhere(app: Any, screen: Screen[Any]) -> Iterator[SystemCommand]:
    """Yield what only a search finds: tasks of other places and of the command line."""
    for place in PLACES:
        if place.done and not place.is_of(screen) and not isinstance(screen, ModalScreen):
            yield SystemCommand(
                place.done, f"Go to {place.title}", partial(_go, app.navigation, place)
            )
    for title, command in OF_THE_COMMAND_LINE.items():
        way = f"the command line does this: {command} --help"
        yield SystemCommand(title, way.capitalize(), partial(show_notice, screen, way))


def _nothing() -> None:
    """Do nothing."""


def commands(way: Navigation, screen: Screen[Any]) -> Iterator[SystemCommand]:
    """Yield the actions of this screen, then places to go to, then the actions of every screen."""
    actives = [active for active in screen.active_bindings.values() if _is_offered(active)]
    once = {active.binding.action: active for active in reversed(actives)}
    of_here = [active for active in actives if active is once[active.binding.action]]
    ids = {str(active.binding.id) for active in of_here}
    own = [
        active
        for active in of_here
        if active.node is screen and active.binding.id not in OF_EVERY_SCREEN
    ]
    yield from (_command(way, active) for active in own)
    if not isinstance(screen, ModalScreen):  # a question is answered before one goes elsewhere
        yield from _other_places(way, screen, ids)
    yield from (_command(way, active) for active in of_here if active not in own)
    yield SystemCommand("theme", "Choose the colours", way.app.action_change_theme)


def _is_offered(active: ActiveBinding) -> bool:
    """Return True for an action with a name and an id that is neither a section nor the palette."""
    id_, enabled = active.binding.id or "palette", active.enabled and active.binding.description
    return bool(enabled and id_ != "palette" and not id_.startswith("section."))


def _command(way: Navigation, active: ActiveBinding) -> SystemCommand:
    binding = active.binding
    return SystemCommand(
        f"{binding.description} ({way.app.get_key_display(binding)})",
        binding.tooltip or "",
        partial(way.app.run_action, binding.action, active.node),
    )


def _other_places(way: Navigation, screen: Screen[Any], ids: set[str]) -> Iterator[SystemCommand]:
    """Yield places and actions that have no key of their own here."""
    in_form = screen.__module__ in FORMS
    if "webhooks.add" not in ids and not in_form:
        yield SystemCommand("add webhook", "Add a webhook", partial(_go, way, WEBHOOKS, "add"))
    if "sources.add" not in ids and not in_form:
        yield SystemCommand(
            "add source", "Add a source or a host", partial(_go, way, SOURCES, "add")
        )
    if "worker.pause" not in ids:
        yield SystemCommand(
            "pause all",
            "Start no attempt of any webhook, in any process; or go on with it",
            partial(_go, way, SETTINGS, "pause"),
        )
    for place in PLACES:
        if not place.is_of(screen) and place.id not in ids:
            yield SystemCommand(place.title, f"Go there: {place.help}", partial(_go, way, place))
    for section in SECTIONS[1:]:
        if way.app.current_mode != section.name or len(way.app.screen_stack) > 1:
            key = key_of(screen, section.id)
            title = with_key(section.title, key)
            yield SystemCommand(title, "Go there", partial(way.go_to, section.name))


async def _go(way: Navigation, place: Place, action: str = "") -> None:
    """Go to a place of Admin and do an action there, unless the admin stays with an open form."""
    await way.leave_for(partial(_arrive, way, place, action))


async def _arrive(way: Navigation, place: Place, action: str) -> None:
    await way.open_section("admin")
    kind = place.load()
    if len(way.app.screen_stack) == 1 and not isinstance(way.app.screen, kind):
        await way.open_panel()
    if any(type(screen) is kind for screen in way.app.screen_stack) and not _has_form(way):
        while type(way.app.screen) is not kind:
            await way.app.pop_screen()
    elif type(way.app.screen) is not kind:
        await way.open(kind)
    if action:
        await way.app.run_action(action, way.app.screen)


def _has_form(way: Navigation) -> bool:
    return any(screen.__module__ in FORMS for screen in way.app.screen_stack)
