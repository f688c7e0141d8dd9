"""Every setting of Tocsin: its name, form, default and range, and what contradicts what."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import msgspec
from msgspec.structs import replace

from domain import options as kinds
from domain.errors import FieldError, raise_all
from domain.options import Option, SettingValue

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
DAY_MS = 24 * 60 * MINUTE_MS
RETRY_WITHOUT_INTERVAL_MS = 3 * MINUTE_MS
"""Wait after a failure where neither a retry interval nor an interval says how long."""

LARGEST_NUMBER = 10**18
"""Numbers of more digits than this has are refused."""


class Settings(msgspec.Struct, frozen=True):
    """All settings in force. Durations are milliseconds, sizes are bytes.

    `db` and `key_file` are None where the usual place for this account applies; `proxy` is
    None where receivers are dialled directly, and `retry_interval_ms` where a failed attempt waits
    the interval.
    """

    db: str | None = None
    key_file: str | None = None
    interval_ms: int = 3 * MINUTE_MS
    retry_interval_ms: int | None = None
    max_events: int = 1_000
    max_bytes: int = 1_000_000
    timeout_ms: int = 30 * SECOND_MS
    connect_timeout_ms: int = 5 * SECOND_MS
    linger_ms: int = SECOND_MS
    grace_ms: int = 10 * SECOND_MS
    concurrency: int = 64
    network_policy: str = "local"
    allow_networks: tuple[str, ...] = ()
    proxy: str | None = None
    keep_events_ms: int = 7 * DAY_MS
    keep_deliveries_ms: int = 400 * DAY_MS
    min_free_disk_bytes: int = 256_000_000
    warn_queue: int = 1_000_000
    check_age_ms: int = 15 * MINUTE_MS
    event_names: bool = True
    geo_db: tuple[str, ...] = ()
    theme: str = "dark"
    mouse: str = "clicks"

    def interval_of(self, own_ms: int | None) -> int:
        """Return the interval of a webhook, whose own may be 0; None follows the setting."""
        return self.interval_ms if own_ms is None else own_ms

    def retry_interval_of(self, own_ms: int | None, own_interval_ms: int | None) -> int:
        """Return the wait of a webhook after a failure, before it is spread; never 0.

        It is the webhook's own, else the setting, else the webhook's interval, else 3m.
        """
        for given_ms in (own_ms, self.retry_interval_ms):
            if given_ms is not None:
                return given_ms
        return self.interval_of(own_interval_ms) or RETRY_WITHOUT_INTERVAL_MS


class Setting(Option, frozen=True):
    """One row of the table; `unit` ends the name of its attribute in `Settings`."""

    unit: str = ""

    @property
    def field(self) -> str:
        """Its attribute in `Settings`; those of durations end in the unit of all durations."""
        return self.name + ("_ms" if self.kind is kinds.DURATION else self.unit)

    @property
    def environment(self) -> str:
        """The environment variable that sets it, such as TOCSIN_INTERVAL."""
        return f"TOCSIN_{self.name.upper()}"

    @property
    def default(self) -> SettingValue:
        """Its value where nobody set it."""
        return value_of(DEFAULTS, self)

    def from_toml(self, value: object) -> SettingValue:
        """Read it from a value of the configuration file. Raises FieldError."""
        if isinstance(value, bool) and self.kind.switches:
            return value
        if isinstance(value, int) and abs(value) >= LARGEST_NUMBER:
            raise FieldError(self.name, "it has more than 18 digits", f"write {self.form}")
        if isinstance(value, int) and not isinstance(value, bool) and self.kind.bare_numbers:
            return self.parse(str(value))
        if isinstance(value, str):
            return self.parse(value)
        if isinstance(value, list) and self.kind.lists and all(isinstance(v, str) for v in value):
            return self.parse(",".join(value))
        bare = self.kind.bare_numbers or self.kind.switches
        quotes = "" if bare else ", in quotes"
        reason = f"{_shown(value)} is of the wrong kind"
        raise FieldError(self.name, reason, f"write {self.form}{quotes}")


def _shown(value: object) -> str:
    try:
        return repr(value)[:60]
    except ValueError:  # a number in a list, of more digits than Python writes
        return "it"


SETTINGS: tuple[Setting, ...] = (
    Setting("db", kinds.FILE, "the file that holds the store"),
    Setting("key_file", kinds.FILE, "the file that holds the key to the secrets"),
    Setting(
        "interval",
        kinds.DURATION,
        "the time between two runs of a webhook; 0s: it goes on as long as something waits",
        SECOND_MS,
        DAY_MS,
        or_zero=True,
    ),
    Setting(
        "retry_interval",
        kinds.RETRY_INTERVAL,
        "how long a failed attempt waits for the next; interval: as long as the webhook's "
        "interval, 3m where that is 0s",
        SECOND_MS,
        DAY_MS,
        unit="_ms",
    ),
    Setting("max_events", kinds.COUNT, "events in one request", 1, 100_000),
    Setting("max_bytes", kinds.SIZE, "bytes in one request", 1_000, 50_000_000),
    Setting(
        "timeout",
        kinds.DURATION,
        "the deadline of a whole attempt, from the name look-up to the answer",
        100,
        DAY_MS,
    ),
    Setting(
        "connect_timeout",
        kinds.DURATION,
        "the deadline for the connection; follows a timeout that is shorter",
        100,
        DAY_MS,
    ),
    Setting(
        "linger",
        kinds.DURATION,
        "how long a due event waits for others to go with it",
        0,
        MINUTE_MS,
    ),
    Setting(
        "grace", kinds.DURATION, "how long a stop waits for attempts in flight", 0, 10 * MINUTE_MS
    ),
    Setting("concurrency", kinds.COUNT, "requests at once", 1, 1_000),
    Setting(
        "network_policy",
        kinds.POLICY,
        "where webhooks may point: local (all but link-local, metadata and reserved addresses), "
        "public (globally reachable addresses only) or open (anywhere)",
    ),
    Setting(
        "allow_networks",
        kinds.NETWORKS,
        "networks that webhooks may point to whatever network_policy says",
    ),
    Setting("proxy", kinds.PROXY, "the HTTP proxy that requests go through"),
    Setting(
        "keep_events",
        kinds.DURATION,
        "how long events are kept after their delivery",
        0,
        36_500 * DAY_MS,
    ),
    Setting(
        "keep_deliveries",
        kinds.DURATION,
        "how long finished deliveries and their attempts are kept",
        0,
        36_500 * DAY_MS,
    ),
    Setting(
        "min_free_disk",
        kinds.SIZE,
        "free disk under which sources wait",
        0,
        100 * 10**12,
        unit="_bytes",
    ),
    Setting(
        "warn_queue",
        kinds.COUNT,
        "undelivered events of a webhook from which on Tocsin warns",
        1,
        10**12,
    ),
    Setting(
        "check_age",
        kinds.DURATION,
        "status --check fails when an event has waited longer",
        SECOND_MS,
        365 * DAY_MS,
    ),
    Setting(
        "event_names",
        kinds.SWITCH,
        "whether events of our own sources tell names of hosts, interfaces and peers beside ids",
    ),
    Setting(
        "geo_db",
        kinds.FILES,
        "files in MaxMind's format (.mmdb) that tell the countries and networks (AS) of addresses",
    ),
    Setting("theme", kinds.THEME, "the colours of the screen"),
    Setting(
        "mouse",
        kinds.MOUSE,
        "what the screen hears of the mouse from its next start on: off (nothing, the terminal "
        "marks text), clicks (and the wheel) or all (moves too, which cost bytes)",
    ),
)
STORE_PATHS = ("db", "key_file")
"""Settings that the store cannot keep: they are its own paths."""

KEY_NAME = "tocsin.key"
"""The key file beside the store, where `key_file` names no other."""

DEFAULTS = Settings()
BY_NAME: Mapping[str, Setting] = {setting.name: setting for setting in SETTINGS}


def setting_named(name: str) -> Setting:
    """Return the setting of that name. Raises FieldError that says which one may be meant."""
    if name in BY_NAME:
        return BY_NAME[name]
    import difflib  # only to help with a slip: every start would pay for it

    close = difflib.get_close_matches(name, BY_NAME, n=1)
    cure = f"did you mean {close[0]}?" if close else "`tocsin config show` lists all"
    raise FieldError(name, "there is no setting of this name", cure)


def storable_setting(name: str) -> Setting:
    """Return the setting of that name, if the store can keep it. Raises FieldError."""
    if name in STORE_PATHS:
        reason = "the store cannot say where it is itself"
        raise FieldError(name, reason, "write it in the configuration file")
    return setting_named(name)


def value_of(settings: Settings, setting: Setting) -> SettingValue:
    """Return the value of `setting` in `settings`."""
    value: SettingValue = getattr(settings, setting.field)
    return value


def settings_from(values: Mapping[str, SettingValue]) -> Settings:
    """Make settings from parsed values by setting name; what is missing has its default.

    Raises FieldErrors where they are out of range or contradict each other. An unset
    connect_timeout follows a timeout that is shorter than its default.
    """
    settings = Settings(**{BY_NAME[name].field: value for name, value in values.items()})  # type: ignore[arg-type]  # each value comes from its own row's parser
    if "connect_timeout" not in values:
        settings = replace(
            settings, connect_timeout_ms=min(settings.connect_timeout_ms, settings.timeout_ms)
        )
    check_settings(settings)
    return settings


def check_settings(settings: Settings) -> None:
    """Raise FieldErrors naming every value out of range and every contradiction."""
    ranges = [partial(setting.check, value_of(settings, setting)) for setting in SETTINGS]
    longer = (("connect_timeout", "timeout"), ("linger", "interval"))
    raise_all([*ranges, *(partial(_refuse_longer, settings, *pair) for pair in longer)])


def _refuse_longer(settings: Settings, part: str, whole: str) -> None:
    """Refuse a part that is longer than the whole; an interval of 0 bounds no linger."""
    part_ms = value_of(settings, BY_NAME[part])
    whole_ms = value_of(settings, BY_NAME[whole])
    if not isinstance(part_ms, int) or not isinstance(whole_ms, int) or part_ms <= whole_ms:
        return
    if whole == "interval" and whole_ms == 0:
        return
    shown = BY_NAME[whole].format(whole_ms)
    reason = f"{BY_NAME[part].format(part_ms)} is longer than {whole}, which is {shown}"
    raise FieldError(part, reason, f"write {shown} or less, or lengthen {whole}")
