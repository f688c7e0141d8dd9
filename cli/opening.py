"""Who opens the screen is told of as a sign-in, beside the first paint, which waits for nothing."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cli.context import Context
    from store.database import Store


def tell_of_opening(context: Context, store: Store) -> None:
    """Keep an event of it, unless the source of these is paused. Raises StoreError."""
    from domain.alert_kinds import all_terms
    from domain.source_kinds import OWN_SIGN_INS
    from sources.factory import SourceTerms, sign_in_rules
    from sources.logins.own_sign_ins import screen_opened, sign_in_step
    from sources.wireguard.source import MACHINE_ID_FILE, machine_key
    from store import alert_settings, sources

    now_ms = context.now_ms()
    sign_in = screen_opened(
        context.actor,
        machine=machine_key(MACHINE_ID_FILE),
        host=socket.gethostname(),
        now_ms=now_ms,
        random64=context.random64,
    )
    terms = SourceTerms(context.settings, all_terms(store.call(alert_settings.load_all)))
    step = sign_in_step(sign_in, sign_in_rules(terms))
    store.call(sources.advance, OWN_SIGN_INS, step, now_ms)
