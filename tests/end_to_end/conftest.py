"""Fixtures that several of these tests need, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.end_to_end import custodibus


@pytest.fixture(scope="session")
def custodibus_commands(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder with the commands of the real agent and the real broker."""
    return custodibus.install(tmp_path_factory.mktemp("custodibus") / "venv")
