"""When a look at the store is worth it."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from store import data_version
from store.data_version import FRESH_NS, LONGEST_NS, FileTimes
from tests.support.stores import Desk, events

QUARTER_NS = 250_000_000


@dataclass
class Clocks:
    """Two clocks that only the test moves; the wall's begins long after the files were written."""

    wall_ns: int = field(default_factory=lambda: time.time_ns() + 60 * FRESH_NS)
    monotonic_ns: int = 0

    def of(self, path: Path) -> FileTimes:
        """A file_times that was asked once, as after the first look."""
        file_times = FileTimes(path, lambda: self.wall_ns, lambda: self.monotonic_ns)
        assert file_times.needs_read()
        return file_times

    def pass_time(self, ns: int) -> None:
        self.wall_ns += ns
        self.monotonic_ns += ns


@pytest.fixture
def clocks() -> Clocks:
    """Clocks that stand still."""
    return Clocks()


def test_an_untouched_store_is_looked_at_once_a_second(desk: Desk, clocks: Clocks) -> None:
    file_times = clocks.of(desk.store.path)
    looks = []
    for _ in range(8):
        clocks.pass_time(QUARTER_NS)
        looks.append(file_times.needs_read())
    assert looks == [False, False, False, True] * 2
    assert LONGEST_NS == 4 * QUARTER_NS


def test_every_commit_calls_for_a_look(desk: Desk, clocks: Clocks) -> None:
    file_times = clocks.of(desk.store.path)
    desk.append(*events(1, 1))
    assert file_times.needs_read()
    assert not file_times.needs_read()


def test_a_write_whose_commit_is_not_to_be_seen_yet_is_looked_for_again(
    desk: Desk, clocks: Clocks
) -> None:
    file_times = clocks.of(desk.store.path)
    desk.append(*events(1, 1))
    log = desk.store.path.with_name(f"{desk.store.path.name}-wal")
    os.utime(log, ns=(clocks.wall_ns, clocks.wall_ns))
    assert [file_times.needs_read() for _ in range(3)] == [True] * 3
    clocks.pass_time(FRESH_NS)
    assert file_times.needs_read()
    assert not file_times.needs_read()


def test_the_signs_move_with_what_calls_for_a_look(desk: Desk) -> None:
    other = desk.store.sibling()
    file_times = FileTimes(desk.store.path)
    file_times.needs_read()
    before = other.call(data_version.read_versions)
    desk.append(*events(1, 1))
    assert file_times.needs_read()
    assert other.call(data_version.read_versions) != before
    other.close()


def test_without_files_there_is_nothing_to_look_for(tmp_path: Path, clocks: Clocks) -> None:
    file_times = clocks.of(tmp_path / "none.db")
    assert not file_times.needs_read()
