"""The whole grammar, of which one run builds only what its words can mean."""

from __future__ import annotations

from collections.abc import Callable, Collection
from importlib import import_module

from cli.grammar.parts import (
    Commands,
    Parser,
    add_commands,
    add_global_options,
    add_group,
    add_mouse,
)

GROUPS = {
    "webhook": ("webhook:build", "who gets which events, and how"),
    "event": ("event:build", "queue events and look at them"),
    "delivery": ("delivery:build", "what was sent, what is being sent, and how it went"),
    "source": ("source:build", "where events come from"),
    "refused": ("refused:build", "what sources took and could not queue, kept whole"),
    "alert": ("alert:build", "which kinds of alerts are raised, and from what numbers on"),
    "host": ("client:build_host", "the hosts whose Pro Custodibus agents report here"),
    "broker": ("client:build_broker", "the Pro Custodibus brokers that pull events from here"),
    "token": ("token:build", "what programs show that hand events in over HTTP"),
    "worker": ("worker:build", "what seals, sends and records"),
    "db": ("store:build", "the upkeep of the store"),
    "config": ("host:build_config", "the settings and where they come from"),
    "service": ("host:build_service", "run Tocsin as a service of this host"),
}
LEAVES = {
    "status": ("store:add_status", "show what is queued, what is failing and why, and who works"),
    "audit": ("store:add_audit", "list who changed what"),
    "demo": ("host:add_demo", "show the screen on made-up events and a receiver of its own"),
    "completion": ("host:add_completion", "print the completion script of a shell"),
}
NAMES = (
    *("webhook", "event", "delivery", "source", "refused", "alert", "host", "broker", "token"),
    "worker",
    *("status", "audit", "config", "service", "db", "demo", "completion"),
)
DESCRIPTION = "Tocsin queues security events and sends them to webhooks until they say 2XX."


def build(words: Collection[str] = NAMES) -> Parser:
    """Make the parser. Only commands among `words` get their options."""
    parser = Parser(prog="tocsin", description=DESCRIPTION)
    parser.set_defaults(run=None, standalone=False)
    parser.add_argument("--version", action="store_true", help="print the version and end")
    add_global_options(parser, default=None)
    add_mouse(parser, default=None)
    commands = add_commands(parser, required=False)
    for name in NAMES:
        _add(commands, name, name in words)
    return parser


def _add(commands: Commands, name: str, in_full: bool) -> None:
    place, help_text = (GROUPS | LEAVES)[name]
    if name in GROUPS:
        group = add_group(commands, name, help_text)
        if in_full:
            _function(place)(group)
    elif in_full:
        _function(place)(commands, name, help_text)
    else:
        commands.add_parser(name, help=help_text)


def _function(place: str) -> Callable[..., None]:
    module, _, function = place.partition(":")
    found: Callable[..., None] = getattr(import_module(f"cli.grammar.{module}"), function)
    return found
