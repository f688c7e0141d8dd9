"""Options: values that an admin may set, with their kinds, how each is read, checked and shown."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import msgspec

from domain.addresses import MODES, check_network
from domain.errors import FieldError, raise_all
from domain.times import format_duration, parse_duration
from domain.urls import check_proxy

SettingValue = str | int | tuple[str, ...] | None
"""A switch is a bool, which is an int."""

THEMES = (
    *("dark", "light", "ansi-dark", "ansi-light"),
    *("nord", "gruvbox", "dracula", "tokyo-night", "monokai", "atom-one-dark", "atom-one-light"),
    *("solarized-dark", "solarized-light", "catppuccin-mocha", "catppuccin-latte"),
)
"""The colours of the screen; those with ansi are the terminal's own."""

MOST_FILES = 2
MOUSE_MODES = ("off", "clicks", "all")

INTERVAL_WORD = "interval"
"""The word for a retry interval that follows the interval."""

_SWITCH = {"on": True, "true": True, "yes": True, "off": False, "false": False, "no": False}

_UNITS = {
    "TiB": 1 << 40,
    "TB": 10**12,
    "GiB": 1 << 30,
    "GB": 10**9,
    "MiB": 1 << 20,
    "MB": 10**6,
    "KiB": 1 << 10,
    "kB": 10**3,
}
_FACTORS = {unit.lower(): factor for unit, factor in _UNITS.items()} | {"": 1, "b": 1}
_ADDRESS = re.compile(r"(?i)\s*(?:[a-z][a-z0-9+.-]+:/|(?:postgres|mysql|mariadb|jdbc)[\w+.-]*:)")
_SIZE = re.compile(r"([0-9]{1,18}) ?([a-z]*)")


class Kind(msgspec.Struct, frozen=True):
    """A form of values: how they are read and written.

    `parse` raises ValueError whose text is the reason; `form` says how it should be written, and
    `examples` are texts of numbers, of which an option shows those in its range. `bare_numbers`,
    `lists` and `switches` say which values of a TOML file are taken beside strings.
    """

    name: str
    form: str
    parse: Callable[[str], SettingValue]
    format: Callable[[SettingValue], str]
    bare_numbers: bool = False
    lists: bool = False
    switches: bool = False
    examples: tuple[str, ...] = ()


def parse_size(text: str) -> int:
    """Return the bytes of "1000000", "256MB" or "64KiB"."""
    match = _SIZE.fullmatch(text.strip().lower())
    if match is None or match[2] not in _FACTORS:
        raise ValueError(f"{text!r} is not a size")
    return int(match[1]) * _FACTORS[match[2]]


def format_size(size: int) -> str:
    """Write bytes in the shortest exact form: 256000000 is "256MB", 1234 is "1234"."""
    for unit, factor in _UNITS.items():
        if size and size % factor == 0:
            return f"{size // factor}{unit}"
    return str(size)


def _duration(text: str) -> int:
    try:
        return parse_duration(text.strip())
    except ValueError:
        raise ValueError(f"{text!r} is not a duration") from None


def _count(text: str) -> int:
    digits = text.strip().replace("_", "")
    if not re.fullmatch(r"-?[0-9]{1,18}", digits):
        raise ValueError(f"{text!r} is not a whole number")
    return int(digits)


def _path(text: str) -> str | None:
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        raise ValueError(f"{text!r} has a control character")
    if text.startswith(("file:", ":memory:")):
        raise ValueError(f"{text!r} is an address in SQLite's own language")
    return text or None


def parse_file_path(text: str) -> str:
    """Return the path of a file that must be given: not empty, no address. Raises ValueError.

    An address is not repeated: a password may be in it.
    """
    if _ADDRESS.match(text) or "://" in text:
        raise ValueError("it is an address, not the path of a file")
    if not text.strip():
        raise ValueError("it is empty")
    return _path(text) or ""


def _files(text: str) -> tuple[str, ...]:
    found = tuple(path for word in text.split(",") if (path := _path(word.strip())))
    if len(found) > MOST_FILES:
        raise ValueError(f"{text!r} names more than {MOST_FILES} files")
    return found


def _word_of(known: Sequence[str]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text.strip().lower() not in known:
            raise ValueError(f"{text!r} is unknown")
        return text.strip().lower()

    return parse


def _switch(text: str) -> bool:
    if text.strip().lower() not in _SWITCH:
        raise ValueError(f"{text!r} is neither on nor off")
    return _SWITCH[text.strip().lower()]


def _networks(text: str) -> tuple[str, ...]:
    return tuple(check_network(word) for word in text.replace(",", " ").split())


def _proxy(text: str) -> str | None:
    word = text.strip()
    return None if word.lower() in ("", "none") else check_proxy(word)


def _command(text: str) -> str:
    if "\0" in text:
        raise ValueError(f"{text!r} has a NUL character")
    try:
        words = shlex.split(text)
    except ValueError:
        raise ValueError(f"{text!r} has an open quotation mark") from None
    if not words:
        raise ValueError("the command is empty")
    return text


def value_text(value: SettingValue) -> str:
    """Write a value as text, "" for none."""
    if isinstance(value, tuple):
        return ", ".join(value)
    return "" if value is None else str(value)


def _proxy_text(value: SettingValue) -> str:
    return "none" if value is None else str(value)


def _switch_text(value: SettingValue) -> str:
    return "on" if value else "off"


def _duration_text(value: SettingValue) -> str:
    return format_duration(value) if isinstance(value, int) else ""


def _retry_interval(text: str) -> int | None:
    return None if text.strip().lower() == INTERVAL_WORD else _duration(text)


def _own_retry_interval(text: str) -> int:
    """Raises FieldError for the setting's word."""
    if text.strip().lower() == INTERVAL_WORD:
        raise FieldError(
            "retry_interval",
            f'only the setting retry_interval may be "{INTERVAL_WORD}"',
            "to follow that setting leave this empty ('', in JSON null), "
            "or write a duration such as 3m",
        )
    return _duration(text)


def _retry_interval_text(value: SettingValue) -> str:
    return INTERVAL_WORD if value is None else _duration_text(value)


def _size_text(value: SettingValue) -> str:
    return format_size(value) if isinstance(value, int) else ""


_DURATIONS = ("90s", "3m", "1h", "1d")

DURATION = Kind("duration", "a duration", _duration, _duration_text, examples=_DURATIONS)
RETRY_INTERVAL = Kind(
    "retry interval",
    f"{INTERVAL_WORD}, or {DURATION.form}",
    _retry_interval,
    _retry_interval_text,
    examples=_DURATIONS,
)
OWN_RETRY_INTERVAL = Kind(
    "duration", DURATION.form, _own_retry_interval, _duration_text, examples=_DURATIONS
)
"""Retry interval of a webhook, which has no word for "as the interval": that is the setting's."""

COUNT = Kind("count", "a whole number", _count, value_text, bare_numbers=True)
SIZE = Kind(
    "size",
    "a size",
    parse_size,
    _size_text,
    bare_numbers=True,
    examples=("1000000", "256MB", "64KiB"),
)
PATH = Kind("path", "the path of a file", _path, value_text)
FILE = Kind("path", "the path of a file", parse_file_path, value_text)
FILES = Kind("files", "the paths of one or two files, with a comma", _files, value_text, lists=True)
POLICY = Kind("policy", f"one of {', '.join(MODES)}", _word_of(MODES), value_text)
NETWORKS = Kind(
    "networks", "networks such as 169.254.10.0/24, fd00::/8", _networks, value_text, lists=True
)
PROXY = Kind("proxy", "none, or an address such as http://proxy.example:3128", _proxy, _proxy_text)
COMMAND = Kind("command", "a command and its arguments", _command, value_text)
SWITCH = Kind("switch", "on or off", _switch, _switch_text, switches=True)
MOUSE = Kind("mouse", f"one of {', '.join(MOUSE_MODES)}", _word_of(MOUSE_MODES), value_text)
THEME = Kind("theme", f"one of {', '.join(THEMES)}", _word_of(THEMES), value_text)


class Option(msgspec.Struct, frozen=True):
    """One value that can be set; `lowest` and `highest` are inclusive, in the unit of `parse`.

    `or_zero` allows 0 too, which is less than `lowest`.
    """

    name: str
    kind: Kind
    description: str
    lowest: int | None = None
    highest: int | None = None
    or_zero: bool = False

    @property
    def range(self) -> str:
        """The allowed range in words, "1s to 1d" or "1s to 1d, or 0s"; "" if there is none."""
        if self.lowest is None or self.highest is None:
            return ""
        zero = f", or {self.format(0)}" if self.or_zero else ""
        return f"{self.format(self.lowest)} to {self.format(self.highest)}{zero}"

    @property
    def form(self) -> str:
        """The way to write it: "a duration from 0s to 10m, such as 90s or 3m".

        Examples of its kind are left out where none is in its range.
        """
        form, comma = self.kind.form, ""
        if self.lowest is not None and self.highest is not None:
            zero = f" of {self.format(0)} or" if self.or_zero else ""
            form += f"{zero} from {self.format(self.lowest)} to {self.format(self.highest)}"
            comma = ","
        allowed = [text for text in self.kind.examples if self._allows(self.kind.parse(text))]
        if not allowed:
            return form
        *others, last = allowed
        examples = f"{', '.join(others)} or {last}" if others else last
        return f"{form}{comma} such as {examples}"

    def parse(self, text: str) -> SettingValue:
        """Read it from text. Raises FieldError."""
        try:
            value = self.kind.parse(text)
        except FieldError as error:
            raise FieldError(self.name, error.reason, error.cure) from None
        except ValueError as error:
            raise FieldError(self.name, str(error), f"write {self.form}") from None
        self.check(value)
        return value

    def format(self, value: SettingValue) -> str:
        """Write it as text that `parse` reads back to the same value."""
        return self.kind.format(value)

    def check(self, value: SettingValue) -> None:
        """Raise FieldError where a number is out of its range."""
        if not self._allows(value):
            reason = f"{self.format(value)} is out of range"
            raise FieldError(self.name, reason, f"write {self.form}")

    def _allows(self, value: SettingValue) -> bool:
        if self.lowest is None or self.highest is None or not isinstance(value, int):
            return True
        return self.lowest <= value <= self.highest or (self.or_zero and value == 0)


class Default(Option, frozen=True):
    """An option with the text of its value where nobody set it."""

    text: str = ""


def checked(defaults: Sequence[Default], given: Mapping[str, str], owner: str) -> dict[str, str]:
    """Return the given options in their shortest form, without those at their defaults.

    Raises FieldErrors with all that is wrong; `owner` is what has these options.
    """
    known = {default.name: default for default in defaults}

    def check(name: str, text: str) -> None:
        if name not in known:
            names = ", ".join(known)
            raise FieldError(name, f"{owner} has no option of this name", f"it has {names}")
        known[name].parse(text)

    raise_all([partial(check, name, text) for name, text in given.items()])
    written = {name: known[name].format(known[name].parse(text)) for name, text in given.items()}
    return {name: text for name, text in written.items() if text != known[name].text}


def values(defaults: Sequence[Default], given: Mapping[str, str]) -> dict[str, SettingValue]:
    """Return the value of every option: the given one, else its default. Raises FieldErrors."""
    texts = {default.name: given.get(default.name, default.text) for default in defaults}
    found: dict[str, SettingValue] = {}

    def read(default: Default) -> None:
        found[default.name] = default.parse(texts[default.name])

    raise_all([partial(read, default) for default in defaults])
    return found
