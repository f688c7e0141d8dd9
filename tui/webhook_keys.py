"""The keys of Admin › Webhooks, and the ways from there to what else an admin sets up first."""

from __future__ import annotations

from textual.binding import Binding, BindingType

WEBHOOK_KEYS: list[BindingType] = [
    Binding("a,plus", "add", "add", id="webhooks.add", tooltip="add a webhook"),
    Binding("e", "edit", "edit", id="webhooks.edit", tooltip="edit the selected webhook"),
    Binding(
        "p",
        "pause",
        "pause",
        id="webhooks.pause",
        tooltip="make the chosen ones inactive, or active again; nothing is lost meanwhile",
    ),
    Binding(
        "n,r",
        "send",
        "send now",
        id="webhooks.send",
        tooltip="what is queued or fails goes at once; several are asked about",
    ),
    Binding("t", "test", "test", id="webhooks.test", tooltip="send one marked test event"),
    Binding(
        "slash",
        "filter",
        "filter",
        key_display="/",
        id="webhooks.filter",
        tooltip="show rows that hold a text, or with ! before it those that do not",
    ),
    Binding(
        "x,delete",
        "delete",
        "delete",
        id="webhooks.delete",
        tooltip="delete the chosen ones; they can be brought back for ten minutes",
    ),
    Binding(
        "u",
        "undo",
        "undo",
        id="webhooks.undo",
        tooltip="take back the last delete, pause or edit of this session",
    ),
    Binding(
        "o",
        "sources",
        "sources",
        id="admin.sources",
        tooltip="where events come from, and how each source does; adding hosts",
    ),
    Binding(
        "l",
        "alerts",
        "alerts",
        id="admin.alerts",
        tooltip="which kinds of alerts are raised, and from what numbers on",
    ),
    Binding(
        "f",
        "faults",
        "faults",
        show=False,
        id="webhooks.faults",
        tooltip="show only those that fail or are blocked, or all again",
    ),
    Binding("s", "sort", "sort", show=False, id="webhooks.sort", tooltip="sort by the next column"),
    Binding("S", "invert", "invert the order", show=False, id="webhooks.invert"),
    Binding(
        "d",
        "duplicate",
        "duplicate",
        show=False,
        id="webhooks.duplicate",
        tooltip="add one for the same receiver and another type",
    ),
    Binding(
        "y",
        "copy",
        "copy URL",
        show=False,
        id="webhooks.copy",
        tooltip="copy the whole URL; is recorded",
    ),
]
