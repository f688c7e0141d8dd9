"""A line to type into."""

from __future__ import annotations

from tui.widgets.input_line import InputLine

MOST = 200
VISIBLE = (
    r"[^\x00-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]*"
)
"""No control and no invisible character: Textual would hand what is pasted to the terminal."""


class VisibleInput(InputLine):
    """A line of text in which everything that is typed or pasted must be visible."""

    def __init__(
        self, value: str = "", *, placeholder: str = "", max_length: int = MOST, id: str
    ) -> None:
        super().__init__(
            value, placeholder=placeholder, max_length=max_length, restrict=VISIBLE, id=id
        )
