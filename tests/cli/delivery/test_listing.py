"""`tocsin delivery list --follow` while deliveries go on."""

from __future__ import annotations

import io
import json
from argparse import Namespace
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest

from cli.config_file import default_configuration
from cli.context import Context
from cli.delivery import listing
from cli.output import Output
from cli.parser import build
from store.database import Store
from tests.support.program import Tocsin
from tests.support.program_store import access_of
from tests.support.stores import ACTOR, events, fields


class Interleaved:
    """A store in which something happens after the given number of calls."""

    def __init__(self, store: Store, calls: int, happens: Callable[[], object]) -> None:
        self._store = store
        self._calls = calls
        self._happens = happens

    def call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a function of the store; what was given happens when its turn has come."""
        result = self._store.call(function, *args, **kwargs)
        self._calls -= 1
        if self._calls == 0:
            self._happens()
        return result


def arguments(*words: str) -> Namespace:
    return build().parse_args(["delivery", "list", "--follow", "--json", *words])


@pytest.mark.parametrize("words", [(), ("--filter", "status:2xx"), ("--state", "delivered")])
@pytest.mark.parametrize("calls", range(1, 6))
def test_an_end_between_two_reads_of_the_first_look_is_shown_once(
    tocsin: Tocsin, monkeypatch: pytest.MonkeyPatch, calls: int, words: tuple[str, ...]
) -> None:
    def two_polls(context: Context) -> Iterator[None]:
        return iter([None, None])

    monkeypatch.setattr(listing, "polls", two_polls)
    written = io.StringIO()
    context = Context(default_configuration(), ACTOR, Output(written, written, written))
    with access_of(tocsin) as desk:
        webhook = desk.add(fields())
        desk.append(*events(1, 3))
        work = desk.started(webhook)
        store = cast("Store", Interleaved(desk.store, calls, lambda: desk.end(work, 200)))
        listing.Listing(arguments(*words), context, store, None).follow()
    states = [json.loads(line)["state"] for line in written.getvalue().splitlines()]
    assert states.count("delivered") == 1
    assert states[-1] == "delivered"
