"""Classes of values are what the standard library makes, made in less time."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any, ClassVar

import pytest

from domain import quick


class Plain:
    """A class of values, before it is made one."""

    number: int
    secret: str = dataclasses.field(repr=False)
    words: tuple[str, ...] = ()
    facts: dict[str, int] = dataclasses.field(default_factory=dict)

    @property
    def doubled(self) -> int:
        """A method of its own."""
        return self.number * 2


class Checked:
    """One that looks at what it is given."""

    number: int = 1

    def __post_init__(self) -> None:
        if self.number < 0:
            raise ValueError("below 0")


class OddBase:
    """One that is left to the standard library: it compares in its own way."""

    number: int
    SHARED: ClassVar[int] = 3
    ignored: int = dataclasses.field(default=0, compare=False)


def both(cls: type[Any]) -> tuple[Any, Any]:
    """The class made quickly, and made by the standard library."""
    twins = [type(cls.__name__, (), dict(vars(cls))) for _ in range(2)]
    for twin in twins:
        twin.__qualname__ = cls.__qualname__
    quickly, thoroughly = (one.dataclass(frozen=True, slots=True) for one in (quick, dataclasses))
    return quickly(twins[0]), thoroughly(twins[1])


@quick.dataclass(frozen=True, slots=True)
class Kept:
    """One that others are made of."""

    number: int
    words: tuple[str, ...] = ()


@pytest.mark.parametrize(
    "given",
    [(1, "s"), (1, "s", ("a",)), (2, "t", (), {"x": 1})],
    ids=["defaults", "words", "all"],
)
def test_values_are_made_shown_and_compared_alike(given: tuple[Any, ...]) -> None:
    ours, theirs = (cls(*given) for cls in both(Plain))
    assert repr(ours) == repr(theirs)
    assert dataclasses.asdict(ours) == dataclasses.asdict(theirs)
    assert ours == type(ours)(*given)
    assert ours != type(ours)(9, "s")
    assert ours != theirs
    assert ours.doubled == theirs.doubled
    assert "s" not in repr(ours).replace("words", "").replace("facts", "")
    assert dataclasses.replace(ours, number=7) == type(ours)(7, *given[1:])
    assert type(ours).__match_args__ == type(theirs).__match_args__
    assert type(ours).__slots__ == type(theirs).__slots__


def test_each_value_has_its_own_of_what_is_made_for_it() -> None:
    cls, _ = both(Plain)
    assert cls(1, "s").facts is not cls(1, "s").facts


@pytest.mark.parametrize("given", [(), (1,), (1, "s", (), {}, 5)])
def test_too_few_and_too_many_are_refused(given: tuple[Any, ...]) -> None:
    for cls in both(Plain):
        with pytest.raises(TypeError, match="__init__"):
            cls(*given)


def test_equal_values_are_found_by_their_hash() -> None:
    assert {Kept(1, ("a",)): "found"}[Kept(number=1, words=("a",))] == "found"
    assert hash(Kept(1)) != hash(Kept(2))


def test_nothing_of_a_value_changes() -> None:
    value: Any = Kept(1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        value.number = 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        del value.number
    assert value == Kept(1)


def test_values_are_copied() -> None:
    value = Kept(1, ("a",))
    assert copy.deepcopy(value) == copy.copy(value) == value


def test_what_is_checked_is_checked() -> None:
    cls, _ = both(Checked)
    assert cls().number == 1
    with pytest.raises(ValueError, match="below 0"):
        cls(-1)


def test_what_is_out_of_the_ordinary_is_left_to_the_standard_library() -> None:
    ours, theirs = both(OddBase)
    assert ours(1, 5) == ours(1, 6)
    assert repr(ours(1, 5)) == repr(theirs(1, 5))
    assert ours.SHARED == theirs.SHARED
    with pytest.raises(TypeError):
        quick.dataclass(frozen=False, slots=True)


def test_a_class_inherits_from_one_that_is_made_so() -> None:
    @dataclasses.dataclass(frozen=True, slots=True)
    class More(Kept):
        """One field more."""

        more: int = 0

    assert repr(More(1, (), 2)).endswith("More(number=1, words=(), more=2)")
    assert More(1, (), 2) != More(1)
