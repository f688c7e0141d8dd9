"""A named value that an admin may set: how it is written, checked and explained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from domain.field_errors import FieldError, raise_all
from domain.quick import dataclass
from domain.setting_kinds import Kind, SettingValue


@dataclass(frozen=True, slots=True)
class Option:
    """One value that can be set; `lowest` and `highest` are inclusive and in the unit of code."""

    name: str
    kind: Kind
    description: str
    lowest: int | None = None
    highest: int | None = None

    @property
    def range(self) -> str:
        """The allowed range in words, "1s to 1d", or "" where there is none."""
        if self.lowest is None or self.highest is None:
            return ""
        return f"{self.format(self.lowest)} to {self.format(self.highest)}"

    def parse(self, text: str) -> SettingValue:
        """Read it from text. Raises FieldError."""
        try:
            value = self.kind.parse(text)
        except FieldError as error:
            raise FieldError(self.name, error.reason, error.cure) from None
        except ValueError as error:
            raise FieldError(self.name, str(error), f"write {self.kind.form}") from None
        self.check(value)
        return value

    def format(self, value: SettingValue) -> str:
        """Write it as text that `parse` reads back to the same value."""
        return self.kind.format(value)

    def check(self, value: SettingValue) -> None:
        """Raise FieldError where a number is out of its range."""
        if self.lowest is None or self.highest is None or not isinstance(value, int):
            return
        if not self.lowest <= value <= self.highest:
            reason = f"{self.format(value)} is out of range"
            raise FieldError(self.name, reason, f"write {self.kind.form} from {self.range}")


@dataclass(frozen=True, slots=True)
class Default:
    """An option and the text of its value where nobody set it."""

    option: Option
    text: str

    @property
    def name(self) -> str:
        """The option's name."""
        return self.option.name


def checked(defaults: Sequence[Default], given: Mapping[str, str], whose: str) -> dict[str, str]:
    """What was given, each value written in its shortest form; what equals its default is left out.

    Raises FieldErrors with all that is wrong; `whose` says whose options these are.
    """
    known = {default.name: default for default in defaults}

    def check(name: str, text: str) -> None:
        if name not in known:
            names = ", ".join(known)
            raise FieldError(name, f"{whose} has no option of this name", f"it has {names}")
        known[name].option.parse(text)

    raise_all([partial(check, name, text) for name, text in given.items()])
    written = {name: _written(known[name].option, text) for name, text in given.items()}
    return {name: text for name, text in written.items() if text != known[name].text}


def values(defaults: Sequence[Default], given: Mapping[str, str]) -> dict[str, SettingValue]:
    """The value of every option: the given one, else its default. Raises FieldErrors."""
    texts = {default.name: given.get(default.name, default.text) for default in defaults}
    found: dict[str, SettingValue] = {}

    def read(default: Default) -> None:
        found[default.name] = default.option.parse(texts[default.name])

    raise_all([partial(read, default) for default in defaults])
    return found


def _written(option: Option, text: str) -> str:
    return option.format(option.parse(text))
