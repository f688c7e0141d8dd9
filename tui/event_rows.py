"""How an event reads as a row of the list: what matters of its type first, then all the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from domain.event_types import EventType
from domain.words import second_text
from store.reads import Held
from store.records import Delivery, StoredEvent
from tui.widgets.columns import Cell, Column, Row, Tone
from tui.words import state_of

COLUMNS = (
    Column("accepted", "Accepted UTC", 14, sortable=False),
    Column("id", "Id", 11, sortable=False),
    Column("what", "What", 0, sortable=False),
    Column("bytes", "Bytes", 7, right=True, from_width=110, sortable=False),
    Column("seq", "Number", 9, right=True, from_width=130, sortable=False),
)
CARRIER_COLUMNS = (
    Column("state", "", 1, sortable=False),
    Column("webhook", "Webhook", 0, sortable=False),
    Column("when", "When UTC", 14, sortable=False),
    Column("result", "Result", 26, sortable=False),
    Column("delivery", "Delivery", 26, from_width=98, sortable=False),
)
TYPES = tuple(EventType)
_SOURCES = {
    EventType.ENDPOINT_STATS: "This host's WireGuard makes them: switch it on in Admin (key 1).\n",
}
SHOWN = 300
"""Characters of one value that are looked at."""

GAP = "  "
ALARMING, DANGEROUS = 4, 7
"""From which `danger` on an alert is shown in the colour of a warning, and of an error."""

Values = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Told:
    """What a type shows first, the attributes that it took, and the tone."""

    parts: tuple[str, ...]
    taken: frozenset[str]
    tone: Tone = "plain"


class _Body(msgspec.Struct):
    attributes: dict[str, msgspec.Raw] = {}
    relationships: dict[str, msgspec.Raw] = {}


_body = msgspec.json.Decoder(_Body)
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_items = msgspec.json.Decoder(list[msgspec.Raw])
_string = msgspec.json.Decoder(str)


def empty_text(type_: EventType) -> str:
    """What would be listed, and how it comes here."""
    source = _SOURCES.get(type_, "")
    return (
        f"No {type_.title} yet.\n\n{type_.description}\n\n"
        f"{source}Any program may send them:  tocsin event emit  takes JSON like\n"
        f'{{"type": "{type_.value}", "attributes": {{...}}}}'
    )


def key_of(type_: EventType, seq: int) -> int:
    """One key for a type and a number, so that one table can show every type."""
    return seq * len(TYPES) + TYPES.index(type_)


def seq_of(key: int) -> int:
    """The number in a key."""
    return key // len(TYPES)


def keys_of(type_: EventType, head: int, pruned: int) -> range:
    """The keys of a stretch, newest first: a million of them take no room."""
    return range(key_of(type_, head), key_of(type_, pruned), -len(TYPES))


def row_of(event: StoredEvent) -> Row:
    """The cells of an event, in the order of COLUMNS."""
    return (
        Cell(short_time(event.received_ms), "dim"),
        Cell(event.id),
        what_of(event.type, event.body),
        Cell(f"{len(event.body):,}", "dim"),
        Cell(f"{event.seq:,}", "dim"),
    )


def carrier_row(delivery: Delivery, names: Mapping[int, str]) -> Row:
    """The cells of a delivery that carried an event, in the order of CARRIER_COLUMNS."""
    state = state_of(delivery)
    return (
        state,
        Cell(names.get(delivery.webhook_id, f"webhook {delivery.webhook_id}, deleted")),
        Cell(short_time(delivery.ended_ms or delivery.sealed_ms), "dim"),
        Cell(_result(delivery), state.tone),
        Cell(delivery.id, "dim"),
    )


def holder_row(webhook_id: int, where: Held, names: Mapping[int, str]) -> Row:
    """The cells of a webhook that an event still waits for, in the order of CARRIER_COLUMNS."""
    told = {"queued": "waits: queued", "released": "released, about to be sent"}
    name = names.get(webhook_id, f"webhook {webhook_id}")
    return (Cell("·"), Cell(name), Cell(""), Cell(told.get(where, where)), Cell(""))


def _result(delivery: Delivery) -> str:
    last = "" if delivery.last_status is None else f", {delivery.last_status}"
    if delivery.state != "pending":
        by = f" by {delivery.ended_by}" if delivery.state == "skipped" else last
        return f"{delivery.state}{by}"
    if delivery.blocked is not None:
        return "blocked"
    if delivery.sending_since_ms is not None:
        return f"sending, attempt {delivery.attempts}"
    return f"waiting, tried {delivery.attempts}×{last}" if delivery.attempts else "waiting"


def short_time(time_ms: int) -> str:
    """Month, day and time in UTC: "11-24 08:00:00"."""
    return str(second_text(time_ms))[5:-1].replace("T", " ")


def what_of(type_: EventType, body: bytes) -> Cell:
    """An event in a line: what its type tells first, then the other attributes by name."""
    try:
        read = _body.decode(body)
        values = _values(read.attributes)
        told = _TELLERS[type_](values, _who(read.relationships))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Cell(body[: 4 * SHOWN].decode("utf-8", "backslashreplace"))
    rest = [
        f"{name} {value}"
        for name, value in values.items()
        if name not in told.taken and value not in ("", "[]", "{}", "null")
    ]
    return Cell(GAP.join([part for part in told.parts if part] + rest), told.tone)


def _alert(values: Values, _who: str) -> _Told:
    danger = values.get("danger", "")
    level = int(danger) if danger.isdecimal() and len(danger) < SHOWN else 0
    tone: Tone = "bad" if level >= DANGEROUS else "warning" if level >= ALARMING else "plain"
    parts = (
        f"danger {danger}" if danger else "",
        values.get("type", ""),
        *(values.get(f"params.{name}", "") for name in _FIRST_PARAMS),
    )
    taken = {"danger", "type", *_TIMES, *(f"params.{name}" for name in _FIRST_PARAMS)}
    return _Told(parts, frozenset(taken), tone)


def _endpoint_stat(values: Values, _who: str) -> _Told:
    parts = (
        _endpoint(values.get("ip", ""), values.get("port", "")),
        *(f"{way} +{_grouped(values.get(f'{way}_delta', '0'))}" for way in ("rx", "tx")),
    )
    taken = {"ip", "port", "rx_delta", "tx_delta", "created"}
    return _Told(parts, frozenset(taken))


def _sign_in(values: Values, who: str) -> _Told:
    status = values.get("status", "")
    good = status == "ok"
    parts = (
        f"{'✓' if good else '✗'} {status}" if status else "",
        f"user {who}" if who else "",
        values.get("ip", ""),
        values.get("type", ""),
        values.get("verifications", "").strip("[]"),
    )
    taken = {"status", "ip", "type", "verifications", "created"}
    return _Told(parts, frozenset(taken), "plain" if good or not status else "bad")


def _change(values: Values, who: str) -> _Told:
    old, new = values.get("old_value", ""), values.get("new_value", "")
    field = ".".join(part for part in (values.get("type"), values.get("field")) if part)
    parts = (field, f"{old or '-'} → {new or '-'}", f"by {who}" if who else "")
    taken = {"type", "field", "old_value", "new_value", "created"}
    return _Told(parts, frozenset(taken))


_FIRST_PARAMS = ("peer", "host", "ip", "country_name")
_TIMES = ("created", "updated", "suppress_until")
_TELLERS: dict[EventType, Callable[[Values, str], _Told]] = {
    EventType.ALERTS: _alert,
    EventType.ENDPOINT_STATS: _endpoint_stat,
    EventType.LOG_AUTHN: _sign_in,
    EventType.LOG_CHANGES: _change,
}


def _values(attributes: Mapping[str, msgspec.Raw]) -> dict[str, str]:
    """The attributes as text; the members of an object inside come as "params.peer"."""
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
    """A string without its quotes, all else as it is written."""
    if data.startswith(b'"'):
        return _string.decode(data)[:SHOWN]
    if data.startswith(b"["):
        return f"[{', '.join(_text(bytes(item)) for item in _items.decode(data)[:9])}]"[:SHOWN]
    return data[: 4 * SHOWN].decode()[:SHOWN]


def _who(relationships: Mapping[str, msgspec.Raw]) -> str:
    """The id of the user that an event is about."""
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
