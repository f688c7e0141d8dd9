"""Options that admins have set for the kinds of alerts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial

from domain import alert_kinds
from domain.actors import Actor
from domain.errors import raise_all
from store import audit
from store.errors import Conflict
from store.models import AlertSettingRow, database
from store.webhook_edits import changed_options

OptionsChange = tuple[dict[str, str], dict[str, str]]
"""The options that were set for a kind, and those that are set for it now."""


def load_all() -> dict[str, dict[str, str]]:
    """Return the options that differ from the defaults, as text, by kind and option."""
    return {row.kind: json.loads(row.options) for row in list(AlertSettingRow.select())}


def edit(
    names: Sequence[str], changes: Mapping[str, str], actor: Actor, now_ms: int
) -> list[OptionsChange]:
    """Set these options for all of the kinds, or for none; other options stay as they are.

    Raises FieldError, FieldErrors.
    """
    kinds = [alert_kinds.kind_named(name) for name in names]
    with database.atomic():
        after = {kind.name: {**_load(kind.name), **changes} for kind in kinds}
        raise_all([partial(kind.check, after[kind.name]) for kind in kinds])
        return [_keep(name, options, actor, now_ms) for name, options in after.items()]


def replace(
    name: str,
    options: Mapping[str, str],
    actor: Actor,
    now_ms: int,
    *,
    expected: Mapping[str, str] | None = None,
) -> OptionsChange:
    """Set exactly these options for a kind; with none of them all are at their defaults.

    Raises FieldError, FieldErrors, Conflict if something else than `expected` is set.
    """
    with database.atomic():
        if expected is not None and _load(name) != expected:
            raise Conflict(f"{name} was changed meanwhile: look before you change it")
        return _keep(name, options, actor, now_ms)


def _load(name: str) -> dict[str, str]:
    row = AlertSettingRow.get_or_none(AlertSettingRow.kind == name)
    return {} if row is None else json.loads(row.options)


def _keep(name: str, options: Mapping[str, str], actor: Actor, now_ms: int) -> OptionsChange:
    before, after = _load(name), alert_kinds.kind_named(name).check(options)
    if before == after:
        return before, after
    if after:
        kept = AlertSettingRow.insert(kind=name, options=json.dumps(after))
        kept.on_conflict("REPLACE").execute()
    else:
        AlertSettingRow.delete().where(AlertSettingRow.kind == name).execute()
    audit.note(actor, "alert.edit", now_ms, None, alert=name, **changed_options(before, after))
    return before, after
