"""Masks: the part of a secret that is shown."""

from __future__ import annotations

import pytest

from domain.safe import mask_value


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("0123456789abcdef", "••••cdef"),
        ("Bearer 0123456789abcdef", "••••cdef"),
        ("0123456789abcde", "••••"),
        ("Bearer s3cr3t", "••••"),
        ("Bearer of-fifteen-lett", "••••"),
        ("a long sentence of words", "••••"),
        ("", "••••"),
    ],
)
def test_the_last_four_are_shown_of_a_token_of_sixteen_or_more(value: str, shown: str) -> None:
    assert mask_value(value) == shown
