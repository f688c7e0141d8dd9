"""A webhook with deliveries of each outcome."""

from __future__ import annotations

import pytest

from tests.support.apps import Bench
from tests.support.delivery_scenes import deliver
from tests.support.stores import fields


@pytest.fixture
def siem(bench: Bench) -> int:
    """A webhook with three deliveries: two delivered, the third failing."""
    webhook_id = bench.store.add(fields(name="siem"))
    for number, status in ((1, 200), (3, 200), (5, 503)):
        deliver(bench, webhook_id, number, status)
    return webhook_id
