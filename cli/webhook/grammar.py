"""Grammar of `tocsin webhook ...`."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable

from cli.parser import (
    EVENT_TYPES,
    Commands,
    Parser,
    add_commands,
    add_event_choice,
    add_json,
    add_leaf,
    add_webhook,
    add_webhooks,
    add_yes,
    count,
    duration,
    moment,
    size,
)

RUN = "cli.webhook.commands"
STATES = ("active", "inactive")
SECRETS_OF_ADD = "generate, none, whsec_... or @FILE"
SECRETS_OF_EDIT = "generate, rotate, retire, none, whsec_... or @FILE"
FILES = "A value of @FILE is read from FILE and @- from stdin, so that secrets stay out of argv."
FILES_AND_EMPTY = (
    f"{FILES} An empty value ('') takes a name, a limit, an interval or a CA file away."
)


def build(parser: Parser) -> None:
    """Add the commands about webhooks."""
    commands = add_commands(parser)
    _add(commands)
    _list_and_show(commands)
    _edit(commands)
    _state(commands)
    _sending(commands)


def _add(commands: Commands) -> None:
    add = add_leaf(
        commands, "add", f"{RUN}:add", "make a webhook and print its id", epilog=FILES_AND_EMPTY
    )
    add.add_argument("--type", choices=EVENT_TYPES, help="the events that it gets")
    add.add_argument("--url", help="where its events are sent: a URL, or @FILE")
    add.add_argument(
        "--like",
        metavar="ID",
        help="take all but the name from this webhook, with a type that its receiver has not yet; "
        "the other options change that",
    )
    _add_fields(add)
    add.add_argument(
        "--secret", metavar="SECRET", help=f"the secret that signs its requests: {SECRETS_OF_ADD}"
    )
    add.add_argument(
        "--from",
        dest="start_from",
        type=starting_point,
        default="now",
        metavar="TIME",
        help="the first event that it gets: now, start (all kept events) or a time (default: now)",
    )
    add_json(add)


def _add_fields(parser: Parser) -> None:
    parser.add_argument("--name", help="a name to use instead of the id")
    _add_request_fields(parser)
    parser.add_argument(
        "--force",
        action="store_true",
        help="save it though the network policy refuses the address in its URL",
    )
    parser.add_argument(
        "--state", choices=STATES, help="inactive, which is paused, collects events and sends none"
    )
    parser.add_argument(
        "--max-events", type=or_empty(count), metavar="N", help="events in one request"
    )
    parser.add_argument(
        "--max-bytes", type=or_empty(size), metavar="N", help="bytes in a request, such as 1MB"
    )
    parser.add_argument(
        "--interval",
        dest="interval_ms",
        type=or_empty(duration),
        metavar="TIME",
        help="the time between two runs, such as 3m; 0s: what comes goes out after `linger`",
    )
    parser.add_argument(
        "--retry-interval",
        dest="retry_interval_ms",
        type=or_empty(own_retry_interval),
        metavar="TIME",
        help="how long a failed attempt waits for the next, such as 30s",
    )


def _add_request_fields(parser: Parser) -> None:
    parser.add_argument(
        "--header",
        dest="headers",
        action="append",
        metavar="'NAME: VALUE'",
        help="send this header; NAME: @FILE reads the value from FILE (repeatable)",
    )
    parser.add_argument(
        "--headers-file", metavar="FILE", help="read all headers from FILE, or - for stdin"
    )
    parser.add_argument(
        "--extra-field",
        dest="extra_fields",
        action="append",
        metavar="'KEY: VALUE'",
        help="add this member to each event (repeatable)",
    )
    parser.add_argument(
        "--ca-file", metavar="FILE", help="trust the certificate authorities in this PEM file"
    )


def _list_and_show(commands: Commands) -> None:
    listing = add_leaf(commands, "list", f"{RUN}:list_all", "list webhooks")
    listing.add_argument("--type", choices=EVENT_TYPES, help="only those of this type")
    listing.add_argument("--deleted", action="store_true", help="those that can be brought back")
    show = add_leaf(commands, "show", f"{RUN}:show", "show one webhook in full")
    add_webhook(show)
    for parser in (listing, show):
        parser.add_argument(
            "--reveal",
            action="store_true",
            help="show URLs, header values and secrets; is recorded",
        )
        add_json(parser)


def _edit(commands: Commands) -> None:
    edit = add_leaf(
        commands,
        "edit",
        f"{RUN}:edit",
        "change webhooks",
        epilog=FILES_AND_EMPTY,
    )
    add_webhooks(edit)
    edit.add_argument("--type", choices=EVENT_TYPES, help="the events that it gets from now on")
    edit.add_argument("--url", help="where its events are sent: a URL, or @FILE")
    _add_fields(edit)
    edit.add_argument(
        "--unset-header",
        dest="unset_headers",
        action="append",
        metavar="NAME",
        help="remove this header (repeatable)",
    )
    edit.add_argument(
        "--unset-extra-field",
        dest="unset_extra_fields",
        action="append",
        metavar="KEY",
        help="remove this extra field (repeatable)",
    )
    edit.add_argument(
        "--secret",
        metavar="SECRET",
        help=f"{SECRETS_OF_EDIT}; rotate signs with old and new, retire drops the old",
    )
    edit.add_argument(
        "--revision", type=count, metavar="N", help="refuse if it was changed since revision N"
    )
    add_yes(edit)
    add_json(edit)


def _state(commands: Commands) -> None:
    pause = add_leaf(
        commands, "pause", f"{RUN}:pause", "make webhooks inactive: they collect, and send nothing"
    )
    unpause = add_leaf(
        commands, "unpause", f"{RUN}:unpause", "make webhooks active: what was collected is sent"
    )
    delete = add_leaf(commands, "delete", f"{RUN}:delete", "delete webhooks and their queues")
    add_yes(delete)
    undelete = add_leaf(
        commands, "undelete", f"{RUN}:undelete", "bring webhooks back, up to 10 minutes later"
    )
    for parser in (pause, unpause, delete, undelete):
        add_webhooks(parser)


def _sending(commands: Commands) -> None:
    _test(commands)
    send = add_leaf(commands, "send", f"{RUN}:send", "send what is queued now")
    skip = add_leaf(commands, "skip", f"{RUN}:skip", "drop the queued events before a time")
    release = add_leaf(commands, "release", f"{RUN}:release", "send an event that was set aside")
    add_webhooks(send)
    for parser in (skip, release):
        add_webhook(parser)
    skip.add_argument(
        "--before",
        dest="before_ms",
        type=moment,
        required=True,
        metavar="TIME",
        help="drop what was accepted before: an RFC 3339 time, now, or 1h for an hour ago",
    )
    add_yes(skip)
    release.add_argument("event", metavar="EVENT", help="the id of the event")
    add_event_choice(release)


def _test(commands: Commands) -> None:
    test = add_leaf(
        commands,
        "test",
        f"{RUN}:test",
        "send one test event, outside the queue, now",
        epilog=f"{FILES} Nothing of what the options say is saved.",
    )
    test.add_argument(
        "id", metavar="ID", nargs="?", help="the webhook's id or name; without it one as given"
    )
    test.add_argument("--type", choices=EVENT_TYPES, help="the type of the event")
    test.add_argument("--url", help="where it is sent: a URL, or @FILE")
    test.add_argument(
        "--event",
        metavar="EVENT",
        help="send this kept event of the webhook's type as it is (default: a sample, marked by "
        '"test": true)',
    )
    add_event_choice(test)
    _add_request_fields(test)
    test.add_argument(
        "--secret", metavar="SECRET", help="sign with it: whsec_... or @FILE; none: unsigned"
    )
    test.set_defaults(
        name=None,
        state=None,
        max_events=None,
        max_bytes=None,
        interval_ms=None,
        retry_interval_ms=None,
    )
    add_json(test)


def starting_point(text: str) -> str | int:
    """Read "now" and "start" as they are and all else as a time in UTC milliseconds."""
    if text in ("now", "start"):
        return text
    try:
        return moment(text)
    except ArgumentTypeError:
        raise ArgumentTypeError(
            f"{text!r} is no starting point: write now, start (all kept events), "
            "a time such as 2026-11-24T08:00:00Z, or how long ago, such as 90s or 1d"
        ) from None


def own_retry_interval(text: str) -> int:
    """Milliseconds of a webhook's retry interval."""
    from domain.errors import FieldError
    from domain.webhooks import parse_limit

    try:
        return parse_limit("retry_interval", text)
    except FieldError as error:
        raise ArgumentTypeError(f"{error.reason}; {error.cure}") from None


def or_empty(parse: Callable[[str], int]) -> Callable[[str], int | str]:
    """Let `parse` also take an empty text, which stays one."""

    def parse_or_empty(text: str) -> int | str:
        return parse(text) if text else text

    return parse_or_empty
