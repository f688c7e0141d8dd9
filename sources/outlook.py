"""What is known at once of a source that will not run, before a worker has tried it."""

from __future__ import annotations

from collections.abc import Mapping

from domain import source_kinds
from sources.extras import HTTP_SERVER, install_cure, is_installed

LISTENING = ("listen", "certificate", "private_key")


def foreseen_problem(kind: str, options: Mapping[str, str]) -> str:
    """Why it cannot listen here and now, with the cure; "" where nothing is known of it.

    No refusal: its interface or certificate may come later, or be another account's to see.
    """
    if kind != source_kinds.HTTP:
        return ""
    if not is_installed(HTTP_SERVER):
        return f"the HTTP server is not installed; {install_cure('http')}"
    from sources.base import SourceError
    from sources.http.listening import check_listening

    values = source_kinds.kind_named(kind).values(options)
    try:
        check_listening(*(str(values[name] or "") for name in LISTENING))
    except SourceError as error:
        return str(error)
    return ""
