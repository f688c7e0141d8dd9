"""The keys of the form: none of them can be typed, and each ctrl key has an F key beside it.

Tab has priority: the app itself then moves the focus, at once.
"""

from __future__ import annotations

from textual.binding import Binding

KEYS = (
    Binding("ctrl+s,f2", "save", "save", id="form.save", tooltip="save what is typed"),
    Binding(
        "ctrl+t,f5",
        "test",
        "send a test",
        id="form.test",
        tooltip="send one marked test event with what is typed, without saving",
    ),
    Binding(
        "ctrl+r,f3",
        "reveal",
        "reveal",
        id="form.reveal",
        tooltip="show the hidden URL, header values and secrets, or hide them again; is recorded",
    ),
    Binding(
        "f4",
        "copy_secret",
        "copy secret",
        id="form.copy",
        tooltip="copy the signing secret that is shown",
    ),
    Binding("escape", "back", "back", id="form.back", tooltip="leave; what is typed is kept"),
    Binding("tab", "app.focus_next", "next field", show=False, priority=True, id="form.next"),
    Binding(
        "shift+tab",
        "app.focus_previous",
        "field before",
        show=False,
        priority=True,
        id="form.previous",
    ),
    Binding("f1", "app.help", "help", id="form.help", tooltip="every key of this form"),
)
