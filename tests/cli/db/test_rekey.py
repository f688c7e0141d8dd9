"""`tocsin db rekey`: it asks, lists the backups of before, and programs that run go on."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from cli.exit_codes import ExitCode
from tests.support.program import Tocsin
from tests.support.program_store import access_of
from tests.support.stores import Child, fields
from tests.support.waiting import PATIENCE_S

TOKEN = "Bearer 0123456789abcdef"
CURE = "The backups above open with the old key alone: make a new one"


@pytest.fixture
def filled(tocsin: Tocsin) -> Tocsin:
    """A store with one secret."""
    with access_of(tocsin) as desk:
        desk.add(fields(name="siem", headers=(("Authorization", TOKEN),)))
    return tocsin


def key(tocsin: Tocsin) -> bytes:
    return tocsin.db.with_name("tocsin.key").read_bytes()


def shown(tocsin: Tocsin) -> str:
    done = tocsin.run("webhook", "show", "siem", "--reveal")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_asks_before_the_old_key_goes(filled: Tocsin) -> None:
    before = key(filled)
    done = filled.run("db", "rekey")
    assert done.returncode == ExitCode.USAGE
    assert (
        f"Encrypt all secrets of {filled.db} with a new key, which takes the place" in done.stderr
    )
    assert key(filled) == before
    more = ("--url", "https://siem.example/hooks/123", "--secret", "generate")
    assert filled.run("webhook", "edit", "siem", *more).returncode == 0
    done = filled.run("db", "rekey", "--yes")
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert done.stderr == (
        f"Done: all that is encrypted in {filled.db} (2 fields, such as the URL of a webhook with "
        "its headers) opens with the new key in "
        f"{filled.db.with_name('tocsin.key')}; programs that run read it by themselves.\n"
    )
    assert key(filled) != before
    assert TOKEN in shown(filled)
    [newest] = json.loads(filled.run("audit", "--json", "--limit", "2").stdout)[1:]
    assert newest["action"] == "store.rekey"


def test_the_backups_that_open_with_the_old_key_are_listed(filled: Tocsin, tmp_path: Path) -> None:
    away, stick = tmp_path / "away", tmp_path / "stick"
    for folder in (away, stick):
        folder.mkdir()
    beside = filled.db.with_name("beside.db")
    for file, options in (
        (beside, ()),
        (away / "with.db", ("--with-key",)),
        (away / "gone.db", ()),
        (stick / "one.db", ()),
    ):
        assert filled.run("db", "backup", str(file), *options).returncode == 0
    (away / "gone.db").unlink()
    (away / "text.db").write_text("no store")
    stick.rename(tmp_path / "pulled")
    listed = [
        f"{away / 'with.db'}  (its key lies beside it)",
        str(beside),
        f"{stick / 'one.db'}  (it cannot be looked at now)",
    ]
    done = filled.run("db", "rekey")
    assert sorted(done.stdout.splitlines()) == sorted(listed)
    assert (
        "The secrets in 2 backups are lost with it: to keep them, copy the old key" in done.stderr
    )
    done = filled.run("db", "rekey", "--yes")
    assert sorted(done.stdout.splitlines()) == sorted(listed)
    assert CURE in done.stderr
    fresh = away / "fresh.db"
    assert filled.run("db", "backup", str(fresh)).returncode == 0
    assert str(fresh) in filled.run("db", "rekey").stdout
    (away / "with.db").unlink()
    beside.unlink()
    (tmp_path / "pulled").rename(stick)
    (stick / "one.db").unlink()
    fresh.unlink()
    assert CURE not in filled.run("db", "rekey", "--yes").stderr


def test_a_backup_of_before_still_opens_with_its_key(filled: Tocsin, tmp_path: Path) -> None:
    saved = tmp_path / "saved.db"
    assert filled.run("db", "backup", str(saved), "--with-key").returncode == 0
    assert filled.run("db", "rekey", "--yes").returncode == 0
    home = tmp_path / "other"
    home.mkdir(mode=0o700)
    other = Tocsin(home, home / "tocsin.db")
    done = other.run("db", "restore", str(saved))
    assert done.returncode == 0, done.stderr
    assert TOKEN in shown(other)


def test_a_backup_with_key_has_the_key_of_its_store(filled: Tocsin, tmp_path: Path) -> None:
    filled.run("db", "rekey", "--yes")
    saved = tmp_path / "saved.db"
    assert filled.run("db", "backup", str(saved), "--with-key").returncode == 0
    assert saved.with_name("saved.db.key").read_bytes() == key(filled)


def test_a_worker_that_runs_goes_on_with_the_new_key(filled: Tocsin) -> None:
    worker = filled.start("worker", "run")
    assert worker.stderr is not None
    assert "sending" in worker.stderr.readline()
    assert filled.run("webhook", "test", "siem").returncode in (0, 1)
    assert filled.run("db", "rekey", "--yes").returncode == 0
    assert filled.run("status", "--check").returncode == 0
    worker.terminate()
    _, said = worker.communicate(timeout=PATIENCE_S)
    assert "key" not in said


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that each account may enter, not among those of pytest, which closes them again."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another account")
def test_root_writes_the_key_where_the_owner_of_the_store_may_not(open_folder: Path) -> None:
    etc, var = open_folder / "etc", open_folder / "var"
    etc.mkdir(mode=0o755)
    var.mkdir(mode=0o700)
    os.chown(var, 65534, 65534)
    child = Child(
        "from functools import partial\n"
        "from cli.db.rekey import _access_to\n"
        "from store.maintenance import rekey\n"
        "etc = Path(sys.argv[2])\n"
        "store = open_store(path, key_file=etc / 'key')\n"
        "store.close()\n"
        "for file in (etc / 'key', *path.parent.iterdir()):\n"
        "    os.chown(file, 65534, 65534)\n"
        "before = (etc / 'key').read_bytes()\n"
        "os.setresuid(65534, 65534, 0)\n"
        "store = open_store(path, key_file=etc / 'key')\n"
        "try:\n"
        "    store.call(rekey.rekey, store.vault, ACTOR, NOW)\n"
        "except StoreError as error:\n"
        "    print(error)\n"
        "done = store.call(rekey.rekey, store.vault, ACTOR, NOW, partial(_access_to, etc))\n"
        "print(sorted(one.name for one in etc.iterdir()), (etc / 'key').read_bytes() != before)\n"
        "print((etc / 'key').stat().st_uid, os.getresuid(), store.vault.fingerprint() =="
        " store.call(store.vault.store_fingerprint))\n"
        "print({file.stat().st_uid for file in path.parent.iterdir()})\n",
        var / "tocsin.db",
        etc,
    )
    assert child.finish().splitlines() == [
        f"{etc}, where the key is, may not be written by this account: run `sudo tocsin db rekey`",
        "['key'] True",
        "65534 (65534, 65534, 0) True",
        "{65534}",
    ]
