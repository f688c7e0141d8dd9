"""A certificate that is renewed while the server runs, and what the health says of it."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from domain.source_kinds import HTTP
from sources.http.listening import tls_context
from sources.http.renewal import Renewal
from sources.inlet import Inlet
from store import sources
from store.database import Store
from store.errors import StoreError
from tests.certificates import Authority
from tests.store.helpers import ACTOR, NOW


class Scene:
    """A certificate, and what looks whether it was renewed."""

    def __init__(self, store: Store, authority: Authority, tmp_path: Path) -> None:
        self._store = store
        self.inlet = Inlet("http", store, lambda: NOW, on_appended=lambda: None)
        self._found = [file.read_bytes() for file in authority.issue()]
        self.files = tmp_path / "server.pem", tmp_path / "server.key"
        self.write(changed_at=1)
        certificate, private_key = map(str, self.files)
        context = tls_context(certificate, private_key)
        assert context is not None
        self._renewal = Renewal(context, certificate, private_key, self.inlet)
        store.call(sources.add, HTTP, "http", {}, ACTOR, NOW)

    def write(self, *, changed_at: int, good: bool = True) -> None:
        """Write the files, as if at that time."""
        for file, data in zip(self.files, self._found, strict=True):
            file.write_bytes(data if good else b"nonsense")
            os.utime(file, ns=(changed_at, changed_at))

    def error_after_look(self) -> str | None:
        asyncio.run(self._renewal.look())
        return self._store.call(sources.find, "http").error


@pytest.fixture
def scene(store: Store, authority: Authority, tmp_path: Path) -> Scene:
    return Scene(store, authority, tmp_path)


@pytest.mark.parametrize("changed_at", [3, 1], ids=["renewed", "the old ones are back"])
def test_the_health_is_well_again_with_a_good_certificate(scene: Scene, changed_at: int) -> None:
    scene.write(changed_at=2, good=False)
    assert "the old certificate is used still" in str(scene.error_after_look())
    scene.write(changed_at=changed_at)
    assert scene.error_after_look() is None


def test_a_certificate_that_is_as_it_was_says_nothing_of_other_troubles(
    scene: Scene, store: Store
) -> None:
    store.call(sources.save_failure, "http", "a bug", NOW)
    assert scene.error_after_look() == "a bug"
    scene.write(changed_at=2)
    assert scene.error_after_look() == "a bug"


def test_what_the_store_refused_is_noted_with_the_next_look(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuses(*_: object) -> None:
        raise StoreError("the disk is full")

    scene.write(changed_at=2, good=False)
    assert scene.error_after_look() is not None
    scene.write(changed_at=3)
    with monkeypatch.context() as patch:
        patch.setattr(scene.inlet, "note_own_success", refuses)
        assert scene.error_after_look() is not None
    assert scene.error_after_look() is None
