"""Events summarized in one line: what matters most of each type first, ids last.

And what tells an event from others that have its id.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from shlex import quote
from typing import Literal

import msgspec

from domain.clients import KEY
from domain.event_types import EventType
from domain.times import rfc3339_second

SHOWN = 300
"""Characters of one value that are read."""

GAP = "  "
ALARMING, DANGEROUS = 4, 7
"""Lowest `danger` of an alert that is shown as a warning, and as bad."""

Values = Mapping[str, str]
Weight = Literal["plain", "warning", "bad"]
_PARAMS = "params."
_FIRST_PARAMS = ("peer", "user", "source", "interface", "host", "ip", "country_name")
_TIMES = ("created", "updated", "suppress_until")
_BESIDES = ("id", "handshake")
_NOTHING = ("", "[]", "{}", "null")
_KEY_SHOWN = 8
"""Characters of a key of WireGuard; its start is enough to know it."""


class EventLine(msgspec.Struct, frozen=True):
    """Summary of an event in one line, not made safe yet, and its weight."""

    text: str
    weight: Weight = "plain"


class Distinction(msgspec.Struct, frozen=True):
    """Fact that tells an event from others with its id: its `created`, or its number in `type`."""

    name: Literal["created", "number"]
    value: str
    type: str

    @property
    def option(self) -> str:
        """The option of commands that are given the id."""
        return f"--{self.name} {quote(self.value)}"

    @property
    def words(self) -> str:
        """The fact in words: "created 2026-11-24T08:00:00Z", or "alerts number 2"."""
        words = f"{self.name} {self.value}"
        return f"{self.type} {words}" if self.name == "number" else words


class _Summary(msgspec.Struct, frozen=True):
    """Summary of an event: its first parts, the attributes in them, the weight, the last part."""

    parts: tuple[str, ...]
    taken: frozenset[str]
    weight: Weight = "plain"
    last: str = ""


class _Body(msgspec.Struct):
    attributes: dict[str, msgspec.Raw] = {}
    relationships: dict[str, msgspec.Raw] = {}


_body = msgspec.json.Decoder(_Body)
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_items = msgspec.json.Decoder(list[msgspec.Raw])
_string = msgspec.json.Decoder(str)


def event_line(type_: EventType, body: bytes) -> EventLine:
    """Summarize an event in one line; if its body cannot be read, by the start of that."""
    try:
        read = _body.decode(body)
        values = _values(read.attributes)
        summary = _SUMMARIZERS[type_](values, _who(read.relationships))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return EventLine(body[: 4 * SHOWN].decode("utf-8", "backslashreplace"))
    rest = [
        f"{name.removeprefix(_PARAMS)} {value}"
        for name, value in sorted(values.items(), key=_is_opaque)
        if name not in summary.taken and value not in _NOTHING
    ]
    parts = [part for part in summary.parts if part] + rest + [summary.last]
    return EventLine(KEY.sub(_shortened, GAP.join(filter(None, parts))), summary.weight)


def created_of(body: bytes) -> str:
    """Return the `created` of an event as it stands there, given or filled in."""
    try:
        return _text(bytes(_body.decode(body).attributes.get("created", b"")))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def distinctions(events: Sequence[tuple[EventType, int, bytes]]) -> list[Distinction | None]:
    """Return of each of these events, which share an id, what tells it from all others.

    They come as type, number and body. None stands for the one that has no others.
    """
    created = [created_of(body) for *_, body in events]
    seconds = [rfc3339_second(text) for text in created]
    times = Counter(seconds)
    if len(events) < 2:
        return [None for _ in events]
    return [
        Distinction("created", text, type_.value)
        if times[second] == 1
        else Distinction("number", str(number), type_.value)
        for (type_, number, _), text, second in zip(events, created, seconds, strict=True)
    ]


def _is_opaque(item: tuple[str, str]) -> bool:
    """Return True for an attribute that means nothing to a person, as an id; it stands last."""
    return item[0] in _BESIDES or item[0].endswith(("_pub", ".id", "_id"))


def _shortened(key: re.Match[str]) -> str:
    return f"{key[0][:_KEY_SHOWN]}…"


def _alert(values: Values, _who: str) -> _Summary:
    danger = values.get("danger", "")
    level = int(danger) if danger.isdecimal() and len(danger) < SHOWN else 0
    weight: Weight = "bad" if level >= DANGEROUS else "warning" if level >= ALARMING else "plain"
    first = [f"{_PARAMS}{name}" for name in _FIRST_PARAMS]
    keys = [f"{_PARAMS}{name}" for name in ("old_key", "new_key")]
    parts = (
        f"danger {danger}" if danger else "",
        values.get("type", ""),
        *(_known(values, name) for name in first),
        _turn(*(values.get(name, "") for name in keys)) if values.keys() & keys else "",
    )
    taken = {"danger", "type", *_TIMES, *first, *keys}
    return _Summary(parts, frozenset(taken), weight)


def _endpoint_stat(values: Values, _who: str) -> _Summary:
    parts = (
        *(_known(values, name) for name in ("peer", "host")),
        _endpoint(_known(values, "ip"), values.get("port", "")),
        *(f"{way} +{_grouped(values.get(f'{way}_delta', '0'))}" for way in ("rx", "tx")),
    )
    taken = {"peer", "host", "ip", "port", "rx_delta", "tx_delta", "created"}
    return _Summary(parts, frozenset(taken))


def _sign_in(values: Values, who: str) -> _Summary:
    status, name = values.get("status", ""), _known(values, "user")
    good = status == "ok"
    user = f"user {who}" if who else ""
    parts = (
        f"{'✓' if good else '✗'} {status}" if status else "",
        name or user,
        values.get("ip", "").replace("null", "-"),
        values.get("type", ""),
        *(values.get(reason, "").strip("[]") for reason in ("errors", "verifications")),
        _known(values, "host"),
    )
    taken = {"status", "user", "ip", "type", "errors", "verifications", "host", "created"}
    weight: Weight = "plain" if good or not status else "bad"
    return _Summary(parts, frozenset(taken), weight, last=user if name else "")


def _change(values: Values, who: str) -> _Summary:
    field = ".".join(part for part in (values.get("type"), values.get("field")) if part)
    names = ("peer", "interface", "host")
    old_and_new = ("old_value", "new_value")
    parts = (
        field,
        *(_known(values, name) for name in names),
        _turn(*(values.get(name, "") for name in old_and_new)),
    )
    taken = {"type", "field", *names, *old_and_new, "created"}
    return _Summary(parts, frozenset(taken), last=f"by {who}" if who else "")


def _turn(old: str, new: str) -> str:
    """Write an old and a new value: "1 → 2"."""
    return " → ".join("-" if value in _NOTHING else value for value in (old, new))


def _known(values: Values, name: str) -> str:
    """Return a value, "" if there is none."""
    value = values.get(name, "")
    return "" if value in _NOTHING else value


_SUMMARIZERS: dict[EventType, Callable[[Values, str], _Summary]] = {
    EventType.ALERTS: _alert,
    EventType.ENDPOINT_STATS: _endpoint_stat,
    EventType.LOG_AUTHN: _sign_in,
    EventType.LOG_CHANGES: _change,
}


def _values(attributes: Mapping[str, msgspec.Raw]) -> dict[str, str]:
    """Return the attributes as text; the members of an object inside come as "params.peer"."""
    values: dict[str, str] = {}
    for name, raw in attributes.items():
        data = bytes(raw)
        if data.startswith(b"{"):
            values.update(
                {f"{name}.{k}": _text(bytes(v)) for k, v in _members.decode(data).items()}
            )
        else:
            values[name] = _text(data)
    return values


def _text(data: bytes) -> str:
    """Return a string without its quotes, all else as it is written."""
    if data.startswith(b'"'):
        return _string.decode(data)[:SHOWN]
    if data.startswith(b"["):
        return f"[{', '.join(_text(bytes(item)) for item in _items.decode(data)[:9])}]"[:SHOWN]
    return data[: 4 * SHOWN].decode()[:SHOWN]


def _who(relationships: Mapping[str, msgspec.Raw]) -> str:
    """Return the id of the user that an event is about."""
    raw = bytes(relationships.get("user", b""))
    if not raw.startswith(b"{"):
        return ""
    data = bytes(_members.decode(raw).get("data", b""))
    users = [bytes(item) for item in _items.decode(data)] if data.startswith(b"[") else [data]
    if not users or not users[0].startswith(b"{"):
        return ""
    return _text(bytes(_members.decode(users[0]).get("id", b"")))


def _endpoint(ip: str, port: str) -> str:
    host = f"[{ip}]" if ":" in ip else ip
    return f"{host}:{port}" if port else host


def _grouped(number: str) -> str:
    return f"{int(number):,}" if number.isdecimal() and len(number) < SHOWN else number
