"""Lists and labelled lines."""

from __future__ import annotations

from cli.output import columns, labelled


def test_columns_are_aligned_by_what_a_terminal_shows() -> None:
    assert columns(("a", None, "日本", 5), (3, 2, 5, 0)) == "a    -   日本   5"
    assert columns(("\x1b[31m", "too long for it", ""), (2, 3, 0)) == "\\x1b[31m  too long for it"


def test_labels_leave_out_what_has_no_value() -> None:
    assert labelled([("id", 1), ("name", None), ("url", "x\ny")]) == "id   1\nurl  x\\x0ay"
