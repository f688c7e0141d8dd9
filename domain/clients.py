"""Clients of this Tocsin: ids and files of agents and brokers of Pro Custodibus, and tokens.

The agent of a host reports to it, and a broker pulls its events; both sign in with a key. Any other
program that hands events in over HTTP has a token.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import urlsplit

from domain import source_kinds
from domain.addresses import is_address, is_loopback
from domain.errors import FieldError
from domain.hidden_fields import WithHiddenFields
from domain.ids import base58, resource_id
from domain.options import SettingValue
from domain.source_options import URL, split_listen
from domain.times import rfc3339

AGENT = source_kinds.AGENT
BROKER = "broker"
SETUP_MS = 7 * 86_400_000
"""Time for which a set-up code can be used."""

PARTS = {AGENT: "agents", BROKER: "queues"}
"""The part of an HTTP source that serves each kind of client."""

NEXT_STEPS = {
    AGENT: "There, in a virtual environment: `pip install procustodibus-agent==1.10.4`, once "
    "`procustodibus-agent --test`, then `procustodibus-agent --loop=120` as a service. For a "
    "certificate of your own authority set REQUESTS_CA_BUNDLE=/path/of/ca.pem for both.",
    BROKER: "There, in a virtual environment: `pip install procustodibus-broker`, then "
    "`procustodibus-broker --loop=60` as a service. Put an authority of your own into the file "
    "that `python -m certifi` names there.",
}
"""Steps on the machine of a client once it has its files."""

PREFIX = "tocsin_"
_RANDOM_BYTES = 32
_SCHEME = "bearer"
KEY = re.compile(r"[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=")
"""A key of WireGuard: 32 bytes in base64."""


class ConfFile(WithHiddenFields, frozen=True):
    """A file to be written on the host of a client; `secret` says that it holds a code."""

    HIDDEN = ("text",)

    path: str
    text: str
    secret: bool

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rpartition("/")[2]


def host_key(name: str) -> str:
    """Return the text from which a host's endpoints get their ids; no machine has it as its id."""
    return f"agent/{name}"


def host_id(name: str) -> str:
    """Return the id of the host that an agent reports from."""
    return resource_id("hosts", host_key(name))


def agent_files(
    url: str, host: str, agent: str, code: str, until_ms: int
) -> tuple[ConfFile, ConfFile]:
    """Make the files of `procustodibus-agent`: it is to read only, and to send no secrets."""
    # The agent asks name servers of the Internet for names unless it is told not to.
    resolver = "" if is_address(urlsplit(url).hostname or "") else "DNS = off\n"
    main = (
        f"[Procustodibus]\nApi = {url}\nHost = {host}\nAgent = {agent}\n"
        f"ReadOnly = true\nRedactSecrets = true\n{resolver}"
    )
    folder = "/etc/wireguard"
    return (
        ConfFile(f"{folder}/procustodibus.conf", main, secret=False),
        ConfFile(
            f"{folder}/procustodibus-setup.conf",
            _setup("Procustodibus.Setup", code, until_ms),
            secret=True,
        ),
    )


def broker_files(url: str, broker: str, code: str, until_ms: int) -> tuple[ConfFile, ConfFile]:
    """Make the files of `procustodibus-broker`; the admin chooses where its events go."""
    main = (
        f"[Broker]\nApi = {url}\nBroker = {broker}\n\n"
        "[Broker.Pipe.File]\nFrom = alerts, endpoint_stats, log_authn, log_changes\n"
        "To = file\nFile = /var/log/tocsin-events.log\nMax = 100\n"
    )
    folder = "/etc/procustodibus"
    return (
        ConfFile(f"{folder}/broker.conf", main, secret=False),
        ConfFile(
            f"{folder}/broker-setup.conf", _setup("Broker.Setup", code, until_ms), secret=True
        ),
    )


def served_url(kind: str, sources: Iterable[tuple[str, Mapping[str, str]]]) -> str | None:
    """Return the URL for such a client, by the kinds and options of all sources, or None."""
    http = source_kinds.kind_named(source_kinds.HTTP)
    options = [http.values(given) for name, given in sources if name == http.name]
    serving = [given for given in options if PARTS[kind] in _words(given["serves"])]
    return next((url for url in map(_url, serving) if url), None)


def reach_warning(url: str) -> str:
    """Return a warning about a URL at which no other machine finds us, "" about any other."""
    if not is_loopback(urlsplit(url).hostname or ""):
        return ""
    return (
        f"{url} is found from this machine only: for another one set `listen` or `public_url` of "
        "the HTTP source"
    )


def check_url(text: str) -> str:
    """Return the URL of a Tocsin as it is kept. Raises FieldError."""
    try:
        return str(URL.parse(text))
    except ValueError as error:
        raise FieldError("url", str(error), "write it like https://tocsin.example:8786") from None


def _words(value: SettingValue) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else ()


def _url(options: Mapping[str, SettingValue]) -> str | None:
    """Return the URL of an HTTP source, None if its options do not say how it is reached."""
    if options["public_url"]:
        return str(options["public_url"])
    address, port = split_listen(str(options["listen"]))
    if ipaddress.ip_address(address).is_unspecified:
        return None
    host = f"[{address}]" if ":" in address else address
    scheme = "https" if options["certificate"] else "http"
    return f"{scheme}://{host}:{port}"


def _setup(section: str, code: str, until_ms: int) -> str:
    return f"[{section}]\nCode = {code}\nExpires = {rfc3339(until_ms // 1000 * 1000)}\n"


def new_token(random_bytes: Callable[[int], bytes]) -> str:
    """Make a token, to be shown once."""
    return PREFIX + base58(int.from_bytes(random_bytes(_RANDOM_BYTES), "big"))


def token_hash(token: str) -> str:
    """Return the SHA-256 of a token, which is all that is kept of it."""
    return hashlib.sha256(token.encode()).hexdigest()


def bearer_token(authorization: str) -> str:
    """Return the token of an Authorization header, "" if it has none."""
    scheme, _, token = authorization.strip().partition(" ")
    return token.strip() if scheme.lower() == _SCHEME else ""
