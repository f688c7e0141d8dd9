"""What a form is called, and under which subject its draft is kept."""

from __future__ import annotations

NEW = "new"
COPY_OF = "copy of "


def form_title(named: str | None, *, of_copy: bool = False) -> str:
    """What a form does: without a webhook's name it adds one."""
    if named is None:
        return "Add webhook"
    return f"{'Duplicate' if of_copy else 'Edit'} {named}"
