"""Which kinds of alerts are not raised since nothing tells where addresses are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.source_kinds import AGENT, WIREGUARD

if TYPE_CHECKING:
    from cli.context import Context
    from store.database import Store


def geo_note_of_sources(context: Context, store: Store) -> str:
    """One line, "" where nothing is lacking or no source asks where addresses are."""
    from store import sources

    asks = any(one.kind in (WIREGUARD, AGENT) for one in store.call(sources.everyone))
    return geo_note(context, store) if asks else ""


def geo_note(context: Context, store: Store) -> str:
    """One line, "" where nothing is lacking."""
    from domain.alert_kinds import all_terms
    from sources.geo import geo_of, shortage
    from store import alert_settings

    terms = all_terms(store.call(alert_settings.load_all))
    return shortage(geo_of(context.settings.geo_db), terms)
