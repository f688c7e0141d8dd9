"""Test of a webhook from a screen; a module of its own, as lists send one without a form."""

from __future__ import annotations

from functools import partial

from rich.text import Text

from delivery.outcome import Outcome
from delivery.testing import audited_test
from domain.safe import safe
from domain.settings import Settings
from domain.wording import span_text
from store.audit import note_alone
from store.records import Webhook
from tui.state.store_access import StoreAccess

ANSWER_SHOWN = 500


async def send_test(access: StoreAccess, webhook: Webhook, settings: Settings) -> Outcome:
    """Send one test event and record in the audit trail that it was sent. Raises Refused."""
    note = partial(access.change, note_alone)
    return await audited_test(webhook, settings, access.now_ms(), access.random_bytes, note)


def outcome_text(outcome: Outcome) -> Text:
    """Return the verdict, the time it took, and the start of the answer."""
    mark, verdict = ("✓", "delivered") if outcome.delivered else ("✗", "not delivered")
    line = f"{mark} {verdict}: {safe(outcome.detail)}, after {span_text(outcome.duration_ms)}"
    text = Text().append(line, "bold")
    answer = safe(outcome.answer_body, ANSWER_SHOWN, keep_newlines=True).strip("\n")
    return text.append(f"\n{answer}") if answer else text
