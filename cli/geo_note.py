"""Country data in words: its age, and the kinds of alerts that are not raised for want of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.source_kinds import AGENT, WIREGUARD

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cli.context import Context
    from domain.alert_kinds import AlertTerms
    from sources.geo_age import CountryData
    from store.database import Store


def geo_notes_of_sources(context: Context, store: Store) -> list[str]:
    """List what is lacking or too old; nothing where no source asks where addresses are."""
    return geo_notes(context, store) if _is_asked(store) else []


def geo_notes(context: Context, store: Store) -> list[str]:
    """List what is lacking or too old."""
    from sources.geo import geo_of, shortage

    lacking = shortage(geo_of(context.settings.geo_db), _terms(store))
    data = _country_data(context, store)
    return [one for one in (lacking, data.warning(context.now_ms()) if data else "") if one]


def country_data_of_sources(context: Context, store: Store) -> CountryData | None:
    """Return what tells countries; None where no source asks for them."""
    return _country_data(context, store) if _is_asked(store) else None


def _country_data(context: Context, store: Store) -> CountryData | None:
    from sources.geo import country_data_of, geo_of

    return country_data_of(geo_of(context.settings.geo_db), _terms(store))


def _is_asked(store: Store) -> bool:
    from store import sources

    return any(one.kind in (WIREGUARD, AGENT) for one in store.call(sources.load_all))


def _terms(store: Store) -> Mapping[str, AlertTerms]:
    from domain.alert_kinds import all_terms
    from store import alert_settings

    return all_terms(store.call(alert_settings.load_all))
