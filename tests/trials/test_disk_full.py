"""The disk is full when a 2XX is to be recorded."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from msgspec.structs import replace

from store.errors import StoreError
from tests.support.receiver_client import Receiver
from tests.support.running_worker import QUICK, RunningWorker, hook, opened_desk, running_worker
from tests.support.stores import Desk, carried, event, events
from tests.support.waiting import eventually
from tests.trials.rig import requests_within

SIZE = 4 * 1024 * 1024


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own that is soon full."""
    if os.geteuid() != 0 or not sys.platform.startswith("linux"):
        pytest.skip("only root on Linux can mount a small file system")
    folder = tmp_path / "disk"
    folder.mkdir(mode=0o700)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0700", "tmpfs", folder],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip(f"no small file system can be mounted: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def fill(folder: Path) -> Path:
    """Take all room there is."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    return ballast


def fill_log(desk: Desk) -> None:
    """Append until the store refuses: the room that its log had is gone too."""
    with suppress(StoreError):
        for number in range(1_000, 100_000):
            desk.append(event(number, text="x" * 1_000))


def told_full(running: RunningWorker, webhook_id: int) -> bool:
    """Return True if the log says of a webhook that the disk is full."""
    return any(f"webhook {webhook_id}: " in x and "is full" in x for x in running.log)


def test_a_delivery_that_cannot_be_recorded_is_not_sent_again(
    small_disk: Path, shared_receiver: Receiver
) -> None:
    paths = [f"/slow:1/disk-full-{number}" for number in range(4)]
    with opened_desk(small_disk / "tocsin.db") as desk:
        for path in paths:
            desk.add(hook(shared_receiver.url(path)))
        desk.append(*events(1, 3))
        with running_worker(desk, replace(QUICK, grace_ms=5_000)) as running:
            for path in paths:
                shared_receiver.wait(path, count=1)
            ballast = fill(small_disk)
            fill_log(desk)
            for path in paths:
                shared_receiver.wait(path, acked=1)
            eventually(lambda: running.said("cannot record its attempt yet"))
            assert running.said(f"the disk of {desk.store.path} is full")
            eventually(lambda: len([x for x in running.log if "cannot record" in x]) >= 3)
            assert desk.status(1).pending is not None

            ballast.unlink()
            eventually(lambda: all(desk.status(n).delivered_events >= 3 for n in range(1, 5)))
            desk.append(*events(4, 4))
            running.worker.wake()
            for path in paths:
                shared_receiver.wait(path, acked=2)
    for path in paths:
        requests = shared_receiver.requests(path)
        assert carried(requests[0].body) == [1, 2, 3]
        assert len({request.header("webhook-id") for request in requests}) == len(requests)


def test_with_a_full_disk_no_webhook_is_tried_more_than_twice(
    small_disk: Path, shared_receiver: Receiver
) -> None:
    paths = [f"/503/full-{number}" for number in range(4)]
    with opened_desk(small_disk / "tocsin.db") as desk:
        for path in paths:
            desk.add(hook(shared_receiver.url(path)))
        desk.append(*events(1, 3))
        with running_worker(desk) as running:
            for path in paths:
                shared_receiver.wait(path, count=1)
            ballast = fill(small_disk)
            fill_log(desk)
            before = {path: len(shared_receiver.requests(path)) for path in paths}
            eventually(lambda: all(told_full(running, number) for number in range(1, 5)))
            requests_within(shared_receiver, 1_000, 3)
            during = {path: len(shared_receiver.requests(path)) for path in paths}
            assert all(during[path] - before[path] <= 2 for path in paths)
            ballast.unlink()
            for path in paths:
                shared_receiver.wait(path, count=during[path] + 2)
        for path in paths:
            requests = shared_receiver.requests(path)
            assert len({request.header("webhook-id") for request in requests}) == 1
            assert len({request.sha256 for request in requests}) == 1
