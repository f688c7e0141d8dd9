"""Stores that may not be written: what is said, and what is left alone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.database import open_store
from tests.store.database_faults import refusal, set_version
from tests.support.program import ROOT
from tests.support.stores import Desk, event, run_child

WRITE = """
try:
    store = open_store(path)
    store.call(adding.append, [event(9)], NOW)
except StoreError as error:
    print(type(error).__name__, error)
else:
    print("written")
"""


@pytest.fixture
def unlocked(tmp_path: Path) -> Iterator[Path]:
    """A store whose folders anyone may enter, with modes that the test sets."""
    path = tmp_path / "home" / "tocsin.db"
    store = open_store(path)
    Desk(store).append(event(1))
    store.close()
    yield path
    path.parent.chmod(0o700)
    path.chmod(0o600)


def as_nobody(path: Path, script: str = WRITE) -> str:
    """Run as an account without root's rights; the folders above are entered beforehand."""
    enter = "os.chdir(path.parent)\npath = Path(path.name)\ndrop_root()\n"
    return run_child(enter + script, path)


def test_a_read_only_file_in_a_read_only_folder(unlocked: Path) -> None:
    unlocked.chmod(0o444)
    unlocked.parent.chmod(0o555)
    before = unlocked.read_bytes()
    out = as_nobody(unlocked)
    assert out.startswith("StoreUnavailable tocsin.db cannot be")
    assert "mode 0444" in out
    assert unlocked.read_bytes() == before


def test_a_read_only_file(unlocked: Path) -> None:
    unlocked.chmod(0o444)
    unlocked.parent.chmod(0o777)  # the folder lies in the test's private one
    out = as_nobody(unlocked)
    assert out.startswith("StoreUnavailable tocsin.db cannot be")
    assert "mode 0444" in out


def test_a_read_only_folder(unlocked: Path) -> None:
    unlocked.chmod(0o666)
    unlocked.parent.chmod(0o555)
    out = as_nobody(unlocked)
    assert out.startswith("StoreUnavailable tocsin.db cannot be")
    assert "SQLite writes its log in the folder: . belongs to uid 0 with mode 0555" in out
    assert "run `sudo chown 65534 .`" in out


def test_a_read_only_file_of_ones_own_gets_its_cure_and_leaves_nothing(unlocked: Path) -> None:
    if os.geteuid() == 0:
        os.chown(unlocked, 65534, 65534)
    unlocked.chmod(0o444)
    unlocked.parent.chmod(0o777)
    out = as_nobody(unlocked)
    assert out.startswith("StoreUnavailable tocsin.db cannot be written: tocsin.db belongs to")
    assert out.endswith("run `chmod u+rw tocsin.db`\n")
    assert {file.name for file in unlocked.parent.iterdir()} == {"tocsin.db", "tocsin.key"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can leave a file of root's")
@pytest.mark.parametrize("name", ["tocsin.db-shm", "tocsin.db-wal"])
@pytest.mark.parametrize("create", [True, False])
def test_a_file_of_roots_beside_the_store_is_named(unlocked: Path, name: str, create: bool) -> None:
    os.chown(unlocked, 65534, 65534)
    unlocked.parent.chmod(0o777)
    unlocked.with_name(name).touch(mode=0o600)
    out = as_nobody(unlocked, WRITE.replace("(path)", f"(path, create={create})"))
    assert f": {name} belongs to uid 0 with mode 0600, and you are uid 65534" in out
    assert out.endswith(f"run `sudo chown 65534 {name}`\n")


@pytest.mark.parametrize("version", [-1, 0])
@pytest.mark.parametrize("migrate", [False, True])
def test_a_schema_that_no_tocsin_wrote_is_damage(
    store_path: Path, version: int, migrate: bool
) -> None:
    open_store(store_path).close()
    set_version(store_path, version)
    content = store_path.read_bytes()
    assert f"is of schema {version}, which no Tocsin wrote" in refusal(store_path, migrate=migrate)
    assert store_path.read_bytes() == content


def test_a_file_of_another_account(unlocked: Path) -> None:
    unlocked.chmod(0o000)
    unlocked.parent.chmod(0o755)
    out = as_nobody(unlocked)
    assert out.startswith("StoreUnavailable tocsin.db cannot be written: tocsin.db belongs to")
    assert "mode 0000" in out


def test_a_folder_of_another_account(unlocked: Path) -> None:
    unlocked.parent.chmod(0o555)
    script = "path = Path('new/tocsin.db')\n" + WRITE
    out = as_nobody(unlocked, script)
    assert out == "StoreUnavailable cannot make a store at new/tocsin.db: Permission denied\n"


def test_a_read_only_file_system(unlocked: Path) -> None:
    mount = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"'
    program = (
        "import sys; from pathlib import Path; from store.database import open_store\n"
        "try: open_store(Path(sys.argv[1]))\n"
        "except Exception as error: print(error)"
    )
    done = subprocess.run(
        [
            *("unshare", "--mount", "sh", "-c", mount, "sh", unlocked.parent),
            *(sys.executable, "-c", program, unlocked),
        ],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip(f"this account may mount nothing: {done.stderr}")
    assert done.stdout.endswith("is read-only: mount it for writing\n")
