"""Age of the data of countries: addresses move from country to country."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from domain.settings import DAY_MS
from domain.wording import counted

if TYPE_CHECKING:
    from importlib.metadata import Distribution

PACKAGE = "iptocc"
"""Package with the countries, used without a file; its data is as old as its release."""

OLD_MS = 182 * DAY_MS


class CountryData(msgspec.Struct, frozen=True):
    """File or package with the countries of addresses.

    made_ms: when its data was made, or released; None where that is unknown
    cure:    how to get newer data
    """

    name: str
    made_ms: int | None
    cure: str

    def age(self, now_ms: int) -> str:
        """Return its name and its age, in a few words."""
        if self.made_ms is None:
            return f"{self.name}, whose age nothing tells"
        days = max(0, now_ms - self.made_ms) // DAY_MS
        return f"{self.name} of {self._day}, {counted(days, 'day')} old"

    def warning(self, now_ms: int) -> str:
        """Return one sentence if it is too old, "" if it is not or its age is unknown."""
        if self.made_ms is None or now_ms - self.made_ms < OLD_MS:
            return ""
        months = (now_ms - self.made_ms) // (OLD_MS // 6)
        return (
            f"the country data, {self.name} of {self._day}, is {months} months old, so that alerts "
            f"may name the wrong country: {self.cure}"
        )

    @property
    def _day(self) -> str:
        if self.made_ms is None:
            return ""
        return datetime.fromtimestamp(self.made_ms / 1000, UTC).date().isoformat()


@lru_cache(maxsize=1)
def package_data(cure: str) -> CountryData:
    """Describe the package: its wheel lists its parts, with the time at which it was built."""
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        installed = distribution(PACKAGE)
    except PackageNotFoundError:
        return CountryData(PACKAGE, None, cure)
    return CountryData(f"{PACKAGE} {installed.version}", _built_ms(installed), cure)


def _built_ms(installed: Distribution) -> int | None:
    for path in installed.files or ():
        if "sboms" in path.parts and path.suffix == ".json":
            try:
                made = json.loads(path.read_text())["metadata"]["timestamp"]
                return int(datetime.fromisoformat(made).timestamp() * 1000)
            except (OSError, ValueError, LookupError, TypeError):
                continue
    return None
