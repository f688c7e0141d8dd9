"""Errors in what an admin wrote: the field, the reason and the cure.

A file of its own, since all checks of the domain raise them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable


class FieldError(ValueError):
    """One field or setting is wrong. Reads as "FIELD: REASON; CURE"."""

    def __init__(self, field: str, reason: str, cure: str) -> None:
        super().__init__(f"{field}: {reason}; {cure}")
        self.field = field
        self.reason = reason
        self.cure = cure


class FieldErrors(ValueError):
    """All errors of a form at once, so that the admin need not find them one by one."""

    def __init__(self, errors: Iterable[FieldError]) -> None:
        self.errors = tuple(errors)
        super().__init__("\n".join(str(error) for error in self.errors))


def raise_all(checks: Iterable[Callable[[], object]]) -> None:
    """Run every check, then raise one FieldErrors with everything that they found."""
    errors: list[FieldError] = []
    for check in checks:
        try:
            check()
        except FieldError as error:
            errors.append(error)
        except FieldErrors as found:
            errors.extend(found.errors)
    if errors:
        raise FieldErrors(errors)
