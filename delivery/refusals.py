"""Events of a delivery that another Tocsin refuses while it takes the others, and the cure.

Apart, since the sender, the commands and the screen read the same answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from http import HTTPStatus
from shlex import quote

_REFUSED = re.compile(
    r'"accepted"\s*:\s*\d+\s*,\s*"repeated"\s*:\s*\d+\s*,.*?"refused"\s*:\s*\[', re.DOTALL
)
_JOINT = re.compile(r"\s*,?\s*")
_ID = re.compile(r"[ -~]{1,64}")
_decoder = json.JSONDecoder(parse_int=float)  # which takes any number of digits


def refused_events(status: int | None, answer: bytes) -> tuple[str, ...]:
    """Return the ids of refused events in an answer; of a cut answer those before the cut."""
    if status != HTTPStatus.CONFLICT:
        return ()
    return tuple(_ids(answer.decode("utf-8", "replace")))


def refusal(ids: tuple[str, ...]) -> str:
    """Return a sentence about the refused events and the cure."""
    others = f" and {len(ids) - 1} more" if len(ids) > 1 else ""
    return f"it refuses event {ids[0]}{others} and has taken all others: reseal without it"


def reseal_command(delivery_id: str, event_id: str) -> str:
    """Return the command that sends the others on and sets this event aside."""
    return f"tocsin delivery reseal {delivery_id} --without {quote(event_id)}"


def _ids(text: str) -> Iterator[str]:
    found = _REFUSED.match(text.lstrip().removeprefix("{").lstrip())
    if found is None:
        return
    text, place = found.string, found.end()
    while joint := _JOINT.match(text, place):
        try:
            entry, place = _decoder.raw_decode(text, joint.end())
        except (ValueError, RecursionError):
            return
        id_ = entry.get("id") if isinstance(entry, dict) else None
        if isinstance(id_, str) and _ID.fullmatch(id_):  # any server may answer so
            yield id_
