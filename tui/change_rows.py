"""How a line of the audit trail reads as a row of the list, and in full."""

from __future__ import annotations

from rich.text import Text

from domain.actors import Actor
from domain.change_words import detail_lines, detail_text
from domain.safe import safe
from domain.words import second_text
from store.records import Change
from tui.widgets.columns import Cell, Column, Row

COLUMNS = (
    Column("when", "When UTC", 14, sortable=False),
    Column("who", "Who", 12, sortable=False),
    Column("from", "From", 15, from_width=98, sortable=False),
    Column("action", "Action", 16, sortable=False),
    Column("webhook", "Webhook", 7, right=True, sortable=False),
    Column("what", "What", 0, sortable=False),
)
LONGEST = 2_000


def who_of(change: Change) -> str:
    """Who made the change, and from where."""
    return Actor(change.user, change.login, change.address).text


def told_in_short(change: Change) -> str:
    """One line for the Administration panel."""
    detail = detail_text(change.detail)
    what = f"{change.action} {detail}".rstrip()
    of = "" if change.webhook_id is None else f"webhook {change.webhook_id}: "
    return f"by {who_of(change)}: {of}{what}"


def row_of(change: Change) -> Row:
    """The cells of a change, in the order of COLUMNS."""
    return (
        Cell(_month_to_second(change.at_ms), "dim"),
        Cell(change.login or change.user),
        Cell(change.address or "", "dim"),
        Cell(change.action),
        Cell("" if change.webhook_id is None else str(change.webhook_id), "dim"),
        Cell(detail_text(change.detail)),
    )


def facts_of(change: Change) -> Text:
    """The same in the lines below the list."""
    head = " · ".join(value for _, value in _heads(change))
    detail = detail_text(change.detail)
    return Text(safe(f"{head} · {detail}" if detail else head, LONGEST))


def full_text(change: Change) -> Text:
    """All of it: when, who, on which webhook, and what it was before and after."""
    text = Text()
    for name, value in _heads(change):
        text.append(f"{name:<8} ", style="bold")
        text.append(f"{safe(value, LONGEST)}\n")
    for line in detail_lines(change.detail):
        text.append(f"\n{safe(line, LONGEST)}")
    return text


def _heads(change: Change) -> list[tuple[str, str]]:
    of = [] if change.webhook_id is None else [("webhook", f"webhook {change.webhook_id}")]
    when = second_text(change.at_ms) or ""
    return [("when", when), ("who", who_of(change)), ("action", change.action), *of]


def _month_to_second(time_ms: int) -> str:
    """ "11-24 09:58:31"."""
    return (second_text(time_ms) or "")[5:19].replace("T", " ")
