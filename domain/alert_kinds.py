"""The kinds of alerts: the subject, the danger and the options of each."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from domain import options as kinds
from domain import source_options as forms
from domain.errors import FieldError
from domain.options import Default, SettingValue, checked, values
from domain.settings import DAY_MS, MINUTE_MS, SECOND_MS
from domain.times import rfc3339

HOUR_MS = 60 * MINUTE_MS
CLOCK_SLACK_MS = 10 * MINUTE_MS
"""Tolerance for what comes out of order, or after a clock was set back: no second alert."""

SUPPRESS = "suppress"
DANGER = "danger"
ACTIVE = "active"
LEARNING = "learning"
SOURCE_STALE = "source_stale"
EVENT_REFUSED = "event_refused"


class AlertTerms(msgspec.Struct, frozen=True):
    """The options in force for a kind of alert.

    danger:      1 to 9
    suppress_ms: for how long the same subject raises no second alert
    numbers:     the kind's own options by name; durations in milliseconds
    """

    active: bool
    danger: int
    suppress_ms: int
    numbers: Mapping[str, SettingValue]

    def suppress_until(self, created_ms: int) -> str:
        """Return the last second in which there is no second alert about the same subject."""
        return rfc3339((created_ms + max(self.suppress_ms - SECOND_MS, 0)) // 1000 * 1000)

    def suppresses(self, until_ms: int, now_ms: int) -> bool:
        """Return True while an alert that bars a second one until `until_ms` does so.

        A time further ahead was set by a clock that was wrong.
        """
        return 0 < until_ms - now_ms <= self.suppress_ms + CLOCK_SLACK_MS

    def number(self, name: str) -> int:
        """Return one of the kind's own options that is a count or a duration."""
        value = self.numbers[name]
        if not isinstance(value, int):
            raise TypeError(f"{name} is no number")
        return value


class AlertKind(msgspec.Struct, frozen=True):
    """One kind of alert.

    needs:     the data without which it is never raised
    only_with: the option of its own without which it is never raised
    """

    name: str
    about: str
    danger: int
    own: tuple[Default, ...] = ()
    active: bool = True
    needs: str = ""
    only_with: str = ""

    @property
    def defaults(self) -> tuple[Default, ...]:
        """All its options: those of every kind, then its own."""
        return (*_common(self), *self.own)

    @property
    def learns(self) -> bool:
        """True for a kind that first learns what is usual; until then its danger is 1."""
        return any(default.name == LEARNING for default in self.own)

    def not_raised(self, given: Mapping[str, str], *, countries: bool, networks: bool) -> str:
        """Return why it is never raised even while it is on, "" if it can be.

        `countries` and `networks`: whether there is data that has those of addresses.
        """
        if self.only_with and not self.terms(given).numbers[self.only_with]:
            return f"it needs `{self.only_with}`, which is not set"
        is_known = networks if self.needs == NETWORKS else countries
        return f"it needs {self.needs}" if self.needs and not is_known else ""

    def check(self, given: Mapping[str, str]) -> dict[str, str]:
        """Return the options that differ from their defaults, as text. Raises FieldErrors."""
        return checked(self.defaults, given, f"the alert {self.name}")

    def terms(self, given: Mapping[str, str]) -> AlertTerms:
        """Return the options in force when these are given. Raises FieldErrors."""
        found = values(self.defaults, given)
        active, danger, suppress = found.pop(ACTIVE), found.pop(DANGER), found.pop(SUPPRESS)
        if not isinstance(danger, int) or not isinstance(suppress, int):
            raise TypeError("an option of every kind has another form")
        return AlertTerms(bool(active), danger, suppress, found)


def _common(kind: AlertKind) -> tuple[Default, ...]:
    return (
        Default(ACTIVE, kinds.SWITCH, "whether it is raised", text="on" if kind.active else "off"),
        Default(
            DANGER, kinds.COUNT, "how dangerous it is, from 1 to 9", 1, 9, text=str(kind.danger)
        ),
        Default(
            SUPPRESS,
            kinds.DURATION,
            "how long the same subject raises no second one",
            0,
            365 * DAY_MS,
            text="1d",
        ),
    )


def _span(name: str, text: str, what: str, lowest: int, highest: int = 3_650 * DAY_MS) -> Default:
    return Default(name, kinds.DURATION, what, lowest, highest, text=text)


def _count(name: str, text: str, what: str, highest: int = 1_000_000) -> Default:
    return Default(name, kinds.COUNT, what, 1, highest, text=text)


def _kept() -> Default:
    return _span("kept", "45d", "how long a place that was used counts as used", DAY_MS)


def _learning() -> Default:
    what = "how long a new peer is only learned of: danger 1"
    return _span(LEARNING, "7d", what, 0, 365 * DAY_MS)


GEO = "geo_db with countries, or iptocc"
NETWORKS = "geo_db with networks"

KINDS: tuple[AlertKind, ...] = (
    AlertKind(
        "endpoint_ip_first_use_country",
        "a peer comes from a country that it has not used lately",
        7,
        (_kept(), _learning()),
        needs=GEO,
    ),
    AlertKind(
        "endpoint_ip_first_use_asn",
        "a peer comes from a network (AS) that it has not used lately",
        5,
        (_kept(), _learning()),
        needs=NETWORKS,
    ),
    AlertKind(
        "endpoint_ip_first_use",
        "a peer comes from an address that it has not used lately",
        3,
        (_kept(), _learning()),
    ),
    AlertKind(
        "endpoint_ip_suspicious",
        "a peer comes from an address that is not among the good ones",
        8,
        (
            Default(
                "good",
                forms.ORIGINS,
                "good addresses, networks, AS numbers, countries; without any, never raised",
            ),
        ),
        only_with="good",
    ),
    AlertKind(
        "endpoint_ip_flapping",
        "a peer is back at an address that it left a moment ago: two holders of one key?",
        8,
        (_span("within", "10m", "how soon it must be back", SECOND_MS, DAY_MS),),
    ),
    AlertKind("endpoint_added", "an interface has a new peer", 5),
    AlertKind("endpoint_removed", "a peer was taken off an interface", 4),
    AlertKind("endpoint_key_changed", "a peer was replaced by one with the same addresses", 6),
    AlertKind(
        "endpoint_preshared_key_changed", "the preshared key of a peer was set or changed", 5
    ),
    AlertKind("endpoint_preshared_key_removed", "the preshared key of a peer was removed", 7),
    AlertKind("endpoint_allowed_ips_widened", "a peer may use more addresses than before", 6),
    AlertKind("interface_key_changed", "the key of an interface was replaced", 7),
    AlertKind("interface_down", "an interface is gone", 6),
    AlertKind("interface_up", "an interface is back", 2),
    AlertKind(
        "endpoint_unreachable",
        "a peer that is kept alive from this side does not answer",
        5,
        (_span("silent", "3m", "the age of its handshake", 2 * MINUTE_MS, DAY_MS),),
    ),
    AlertKind(
        "endpoint_connected",
        "a peer is there again",
        1,
        (_span("silent", "5m", "after how long without a handshake", 3 * MINUTE_MS, 30 * DAY_MS),),
        active=False,
    ),
    AlertKind(
        "endpoint_disconnected",
        "a peer is there no more",
        1,
        (_span("silent", "5m", "the age of its handshake", 3 * MINUTE_MS, 30 * DAY_MS),),
        active=False,
    ),
    AlertKind(
        "endpoint_unseen",
        "a peer has made no handshake for long",
        3,
        (_span("silent", "30d", "the age of its handshake", DAY_MS),),
    ),
    AlertKind(
        "endpoint_returned",
        "a peer makes a handshake after having made none for long",
        6,
        (_span("silent", "30d", "the age of its last one", DAY_MS),),
    ),
    AlertKind(
        "endpoint_traffic_spike",
        "a peer moves far more bytes in an hour than usual",
        5,
        (
            Default(
                "least", kinds.SIZE, "bytes an hour that are never too many", 1, 10**15, text="1GiB"
            ),
            _count("times", "10", "how many times the usual is too much"),
            _learning(),
        ),
    ),
    AlertKind(
        SOURCE_STALE,
        "a source can tell nothing: we are blind there",
        6,
        (_span("after", "10m", "the time without a good look", MINUTE_MS, 30 * DAY_MS),),
    ),
    AlertKind(EVENT_REFUSED, "a source pulled an event that cannot be queued, and keeps it", 5),
    AlertKind(
        "authn_failures",
        "many sign-ins from one address failed",
        5,
        (
            _count("failures", "5", "how many", 1_000),
            _span("within", "10m", "in what time", SECOND_MS, DAY_MS),
        ),
    ),
    AlertKind(
        "authn_first_use_ip",
        "a user signs in from an address not used lately",
        4,
        (_kept(), _learning()),
    ),
    AlertKind(
        "authn_first_use_country",
        "a user signs in from a country not used lately",
        6,
        (_kept(), _learning()),
        needs=GEO,
    ),
)
BY_NAME: Mapping[str, AlertKind] = {kind.name: kind for kind in KINDS}
DEFAULT_TERMS: Mapping[str, AlertTerms] = {kind.name: kind.terms({}) for kind in KINDS}


def kind_named(name: str) -> AlertKind:
    """Return the kind of that name. Raises FieldError."""
    if name in BY_NAME:
        return BY_NAME[name]
    import difflib  # only to help with a slip: every start would pay for it

    close = difflib.get_close_matches(name, BY_NAME, n=1)
    cure = f"did you mean {close[0]}?" if close else "`tocsin alert list` shows all"
    raise FieldError("alert", f"there is no kind of alert {name!r}", cure)


def all_terms(given: Mapping[str, Mapping[str, str]]) -> dict[str, AlertTerms]:
    """Return the options in force for every kind, by its name. Raises FieldErrors."""
    return {kind.name: kind.terms(given.get(kind.name, {})) for kind in KINDS}
