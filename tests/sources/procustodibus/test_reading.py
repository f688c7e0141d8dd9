"""Answers that are cut: the events before the cut."""

from __future__ import annotations

import json

from sources.procustodibus.reading import read_answer
from tests.stub_api_client import sample


def test_a_number_of_too_many_digits_loses_no_other_event_of_a_cut_answer() -> None:
    event = json.dumps(sample("alerts", "good"))
    long = '{"type":"alerts","attributes":{"number":' + "9" * 5_000 + "}}"
    body = f'{{"data":[{long},{event},{{"type":"al'.encode()
    found = read_answer(body, "the connection ended", "alerts", 0, lambda: 1)
    assert ([event.id for event in found.events], found.count) == (["good"], 2)
    assert "alerts, event 1 of 2, attributes.number: 9999" in found.wrong[0]
