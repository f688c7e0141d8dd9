"""Write docs/settings.md: every setting, with its default and range."""

from __future__ import annotations

from docs.tools.parts import DOCS, rewritten, table
from domain.settings import SETTINGS, Setting

PAGE = DOCS / "settings.md"
HEAD = ("setting", "environment", "default", "range", "meaning")
DEFAULTS = {"db": "see [Stores](service.md#stores)", "key_file": "`tocsin.key` beside the store"}
"""Files of the store, of which `domain` has no default: it depends on the account."""


def page() -> str:
    """Return the whole page."""
    return rewritten(PAGE, lambda *_: table(HEAD, map(_row, SETTINGS)))


def _row(setting: Setting) -> tuple[str, ...]:
    default = DEFAULTS.get(setting.name) or setting.format(setting.default) or "none"
    range_ = setting.range or setting.form
    environment = f"`{setting.environment}`"
    return f"`{setting.name}`", environment, default, range_, setting.description
