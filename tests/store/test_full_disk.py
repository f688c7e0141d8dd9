"""A full disk and a limit on file sizes harm no store."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.database import open_store
from store.errors import StoreBusy, StoreUnavailable
from store.events import reading
from tests.support.stores import ALERTS, Desk, event, events, run_child


def test_a_file_size_limit_harms_nothing(store_path: Path) -> None:
    out = run_child(
        """
import resource
store = open_store(path)
store.call(adding.append, [event(n) for n in range(1, 11)], NOW)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
big = [event(n, text="x" * 1_000) for n in range(11, 2_011)]
try:
    store.call(adding.append, big, NOW)
except StoreError as error:
    print(type(error).__name__, error)
print(store.call(reading.heads)[reading.EventType.ALERTS])
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(store.call(adding.append, big, NOW).accepted)
print(store.call(reading.heads)[reading.EventType.ALERTS])
store.close()
""",
        store_path,
    )
    refused, before, accepted, after = out.splitlines()
    assert refused == f"StoreBusy reading or writing {store_path} failed on its disk"
    assert (before, accepted, after) == ("10", "2000", "2010")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of two megabytes of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m,mode=0700", "tmpfs", str(place)]
    try:
        mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_harms_nothing(small_disk: Path) -> None:
    path = small_disk / "tocsin.db"
    store = open_store(path)
    desk = Desk(store)
    try:
        desk.append(*events(1, 10))
        filler = small_disk / "filler"
        fill(filler)
        with pytest.raises(StoreUnavailable, match=f"the disk of {path} is full"):
            desk.append(*(event(number, text="x" * 1_000) for number in range(11, 1_011)))
        assert store.call(reading.heads)[ALERTS] == 10
        filler.unlink()
        assert desk.append(*events(1, 20)).accepted == 10
        assert store.call(reading.heads)[ALERTS] == 20
    finally:
        store.close()
    again = open_store(path)
    assert [one.seq for one in again.call(reading.after, ALERTS, 0, limit=99)] == [*range(1, 21)]
    again.close()


def test_no_store_is_made_on_a_full_disk_until_there_is_room(small_disk: Path) -> None:
    path = small_disk / "home" / "tocsin.db"
    path.parent.mkdir()
    filler = small_disk / "filler"
    fill(filler)
    with pytest.raises(StoreUnavailable, match=r"full|No space left on device"):
        open_store(path)
    filler.unlink()
    store = open_store(path)
    assert Desk(store).append(event(1)).accepted == 1
    store.call(store.vault.check)
    store.close()


def test_a_store_on_a_full_disk_says_so_at_the_start(small_disk: Path) -> None:
    path = small_disk / "tocsin.db"
    open_store(path).close()
    filler = small_disk / "filler"
    fill(filler)
    for create in (True, False):
        with pytest.raises(StoreBusy, match=f"the disk of {path} is full: free some space"):
            open_store(path, create=create)
    filler.unlink()
    open_store(path).close()


def fill(filler: Path) -> None:
    """Leave no byte free on the disk that the filler lies on."""
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 4_096)
        except OSError as error:
            assert error.strerror == "No space left on device"  # noqa: PT017
