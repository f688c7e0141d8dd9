"""Commands of `tocsin alert`, about the kinds of alerts and their options."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping

from cli.arguments import given_options
from cli.context import Context, open_for_reading, open_for_writing
from cli.exit_codes import ExitCode, Failure
from cli.json_shapes import Shape
from cli.output import labelled
from cli.source.text import geo_notes
from domain import alert_kinds
from domain.alert_kinds import ACTIVE, DANGER, KINDS, SUPPRESS, AlertKind
from sources.geo import Geo, geo_of
from store import alert_settings

HEADERS = ("KIND", "STATE", "DANGER", "SUPPRESS", "TELLS OF")
NOT_RAISED = "▲ on"
"""State of a kind that is on and lacks what it needs to be raised."""

Given = Mapping[str, str]


def list_all(args: Namespace, context: Context) -> None:
    """Print all kinds with their state and most used options."""
    store = open_for_reading(context)
    given = store.call(alert_settings.load_all)
    found = [(kind, _texts(kind, given.get(kind.name, {}))) for kind in KINDS]
    if args.json:
        context.out.json([_shape(*item) for item in found])
        return
    geo = geo_of(context.settings.geo_db)
    rows = [
        (kind.name, _state(kind, texts, geo), texts[DANGER], texts[SUPPRESS], kind.about)
        for kind, texts in found
    ]
    context.out.table(rows, HEADERS)
    if any(row[1] == NOT_RAISED for row in rows):
        context.out.note(f"{NOT_RAISED}: not raised; `tocsin alert show KIND` says why.")
    for line in geo_notes(context, store):
        context.out.note(f"Alerts: {line}.")


def show(args: Namespace, context: Context) -> None:
    """Print a kind with its options."""
    kind = alert_kinds.kind_named(args.kind)
    given = open_for_reading(context).call(alert_settings.load_all).get(kind.name, {})
    texts = _texts(kind, given)
    if args.json:
        context.out.json(_shape(kind, texts))
        return
    lacking = _not_raised(kind, texts, geo_of(context.settings.geo_db))
    options = [
        (default.name, f"{_value(default.name, texts, given)}: {default.description}")
        for default in kind.defaults
    ]
    context.out.data(
        labelled(
            [
                ("Kind", kind.name),
                ("Tells of", kind.about),
                ("Needs", kind.needs or None),
                ("Raised", f"no: {lacking}" if lacking else None),
                *options,
            ]
        )
    )


def edit(args: Namespace, context: Context) -> None:
    """Change options of kinds; those that are not named stay."""
    wanted = given_options(args)
    kinds = [alert_kinds.kind_named(name) for name in dict.fromkeys(args.kinds)]
    if not wanted:
        known = ", ".join(f"--{default.name}" for default in kinds[0].defaults)
        raise Failure(f"nothing to change: {kinds[0].name} has {known}", ExitCode.USAGE)
    names = [kind.name for kind in kinds]
    store = open_for_writing(context)
    store.call(alert_settings.edit, names, wanted, context.actor, context.now_ms())
    given = store.call(alert_settings.load_all)
    for kind in kinds:
        context.out.data(f"{kind.name}: {_values(kind, given.get(kind.name, {}))}")


def reset(args: Namespace, context: Context) -> None:
    """Set kinds back to their defaults."""
    kinds = [alert_kinds.kind_named(name) for name in dict.fromkeys(args.kinds)]
    store = open_for_writing(context)
    for kind in kinds:
        store.call(alert_settings.replace, kind.name, {}, context.actor, context.now_ms())


def _state(kind: AlertKind, texts: Given, geo: Geo) -> str:
    return NOT_RAISED if _not_raised(kind, texts, geo) else texts[ACTIVE]


def _not_raised(kind: AlertKind, texts: Given, geo: Geo) -> str:
    """The reason for which a kind that is on is not raised, "" if it is off or can be raised."""
    if not kind.terms(texts).active:
        return ""
    return kind.not_raised(texts, countries=geo.has_countries, networks=geo.has_networks)


def _texts(kind: AlertKind, given: Given) -> dict[str, str]:
    return {default.name: given.get(default.name, default.text) for default in kind.defaults}


def _values(kind: AlertKind, given: Given) -> str:
    """All options of a kind on one line."""
    texts = _texts(kind, given)
    return ", ".join(f"{name} {_value(name, texts, given)}" for name in texts)


def _value(name: str, texts: Given, given: Given) -> str:
    return f"{texts[name] or 'none'}{'' if name in given else ' (default)'}"


def _shape(kind: AlertKind, texts: Mapping[str, str]) -> Shape:
    return {"kind": kind.name, "about": kind.about, "needs": kind.needs or None, "options": texts}
