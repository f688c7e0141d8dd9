"""The stand-in for the API."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.stub_api_client import StubApi, running_api


@pytest.fixture
def stub() -> Iterator[StubApi]:
    """A server of its own."""
    with running_api() as api:
        yield api
