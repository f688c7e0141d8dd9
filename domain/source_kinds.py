"""The kinds of sources and their options."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from domain import options as kinds
from domain import source_options as forms
from domain.errors import FieldError
from domain.options import Default, SettingValue, checked, values
from domain.settings import DAY_MS, MINUTE_MS, SECOND_MS

NAME_LIMIT = 40
WIREGUARD = "wireguard"
AGENT = "agent"
SOCKET = "socket"
HTTP = "http"
JOURNAL = "journal"
PROCUSTODIBUS = "procustodibus"
SIGN_INS = "sign_ins"

_CLOSEST_LOOKS_MS = 2 * SECOND_MS
"""Shortest time between two looks at WireGuard: `wg` can stop an interface that just starts."""

TAKING = frozenset({PROCUSTODIBUS})
"""Kinds that take events out of a queue elsewhere: once answered, they are gone there."""

SERVING = frozenset({SOCKET, HTTP})
"""Kinds that wait for others to hand events in, one process at a time."""

LOCAL = "local"
"""The name of the source that watches this host's WireGuard."""

OWN_SIGN_INS = "sign-ins"
"""The name of the one source of kind SIGN_INS, which every store has from the start."""


class SourceKind(msgspec.Struct, frozen=True):
    """One kind of source.

    title:    for people, such as "WireGuard"
    about:    what it makes events of, in one line
    defaults: its options with their defaults, in the order of a form
    made_by:  the command that makes sources of this kind, "" for `tocsin source add`
    built_in: whether every store has its one source, which can be paused and not deleted
    """

    name: str
    title: str
    about: str
    defaults: tuple[Default, ...]
    made_by: str = ""
    built_in: bool = False

    @property
    def is_addable(self) -> bool:
        """True for a kind of which `tocsin source add` makes sources."""
        return not self.made_by and not self.built_in

    def used(self, given: Mapping[str, str]) -> tuple[Default, ...]:
        """Return the options that count beside those given: no command if a file is read."""
        unused = "command" if given.get("file") else ""
        return tuple(default for default in self.defaults if default.name != unused)

    def check(self, given: Mapping[str, str]) -> dict[str, str]:
        """Return the options that differ from their defaults, as text. Raises FieldErrors."""
        return checked(self.defaults, given, f"a source of kind {self.name}")

    def values(self, given: Mapping[str, str]) -> dict[str, SettingValue]:
        """Return the value of every option. Raises FieldErrors."""
        return values(self.defaults, given)


def _every(text: str, what: str = "the time between two looks", lowest: int = SECOND_MS) -> Default:
    return Default("every", kinds.DURATION, what, lowest, DAY_MS, text=text)


_NAMES_FILE = Default(
    "names_file",
    kinds.PATH,
    "a file of lines `PUBLIC-KEY NAME USER` of peers, the last word optional",
)
_PORT_CHANGES = Default(
    "port_changes", kinds.SWITCH, "tell of a change of an endpoint's port alone", text="off"
)


def _client_timeout(what: str) -> Default:
    return Default("client_timeout", kinds.DURATION, what, 100, 10 * MINUTE_MS, text="20s")


KINDS: tuple[SourceKind, ...] = (
    SourceKind(
        WIREGUARD,
        "WireGuard",
        "handshakes, changes and alerts of the WireGuard interfaces of a host",
        (
            Default(
                "command",
                kinds.COMMAND,
                "the command that prints the dump of all",
                text="wg show all dump",
            ),
            _every("30s", lowest=_CLOSEST_LOOKS_MS),
            Default("host", forms.TEXT, "the host's name in events"),
            _NAMES_FILE,
            Default(
                "conf_folder",
                kinds.PATH,
                "a folder of WireGuard conf files whose comments name the peers",
                text="/etc/wireguard",
            ),
            _PORT_CHANGES,
        ),
    ),
    SourceKind(
        AGENT,
        "Agent",
        "a host that a Pro Custodibus agent reports from",
        (_NAMES_FILE, _PORT_CHANGES),
        made_by="tocsin host add",
    ),
    SourceKind(
        SOCKET,
        "Socket",
        "events that programs of this host write to a Unix socket",
        (
            Default("path", kinds.PATH, "where the socket is; else beside the store"),
            Default("group", forms.TEXT, "the group that may write to it"),
            Default("clients", kinds.COUNT, "programs at once", 1, 10_000, text="100"),
            _client_timeout("how long a program may take to send a line"),
        ),
    ),
    SourceKind(
        HTTP,
        "HTTP",
        "what programs, agents and brokers ask of this Tocsin over HTTP",
        (
            Default(
                "listen", forms.LISTEN, "the address and port to listen on", text="127.0.0.1:8786"
            ),
            Default(
                "serves", forms.SERVES, "what is served: events, agents, queues", text="events"
            ),
            Default("public_url", forms.OPEN_URL, "the address that others find it at"),
            Default("certificate", kinds.PATH, "the file with the TLS certificate"),
            Default("private_key", kinds.PATH, "the file with its private key"),
            Default(
                "max_body", kinds.SIZE, "bytes in one request", 1_000, 256_000_000, text="16MiB"
            ),
            Default("clients", kinds.COUNT, "connections at once", 1, 10_000, text="100"),
            _client_timeout("how long a client may take to send a request"),
        ),
    ),
    SourceKind(
        JOURNAL,
        "Logins",
        "SSH logins of this host, from its journal or auth.log",
        (
            Default(
                "command", kinds.COMMAND, "the command that reads the journal", text="journalctl"
            ),
            Default("file", kinds.PATH, "read this log file, such as auth.log, instead"),
            _every("5s"),
        ),
    ),
    SourceKind(
        PROCUSTODIBUS,
        "Pro Custodibus",
        "the queues of a Pro Custodibus account, as its broker reads them",
        (
            Default("url", forms.URL, "the address of the API", text="https://api.custodib.us"),
            Default("broker", forms.TEXT, "the id of the broker there"),
            Default("types", forms.TYPES, "the types of events to fetch", text=forms.ALL_TYPES),
            _every("1m", "the time between two rounds of the queues"),
            Default("max_events", kinds.COUNT, "events in one answer", 1, 1_000, text="100"),
        ),
    ),
    SourceKind(
        SIGN_INS,
        "Sign-ins",
        "who opens the screen of this Tocsin, and who signs in to it over HTTP",
        (),
        built_in=True,
    ),
)
BY_NAME: Mapping[str, SourceKind] = {kind.name: kind for kind in KINDS}


def kind_named(name: str) -> SourceKind:
    """Return the kind of that name. Raises FieldError."""
    if name in BY_NAME:
        return BY_NAME[name]
    import difflib  # only to help with a slip: every start would pay for it

    close = difflib.get_close_matches(name, BY_NAME, n=1)
    cure = f"did you mean {close[0]}?" if close else f"there are {', '.join(BY_NAME)}"
    raise FieldError("kind", f"there is no kind of source {name!r}", cure)


def check_name(name: str) -> str:
    """Return the name of a source as it is kept. Raises FieldError."""
    try:
        return forms.check_name(name, NAME_LIMIT)
    except ValueError as error:
        raise FieldError("name", str(error), forms.NAME_FORM) from None
