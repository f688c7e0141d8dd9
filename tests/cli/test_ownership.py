"""Whose store it is, and who may not make another."""

from __future__ import annotations

import os
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest

from cli.config_file import ConfigPaths, Configuration, read_configuration
from cli.exit_codes import ExitCode, Failure
from cli.identity import owner_of, run_as_owner, user_name
from tests.support.program import ROOT

ME = os.getuid()
SOMEBODY_ELSE = 54321
needs_root = pytest.mark.skipif(ME != 0, reason="only root can become another")


def hosts_configuration(root: Path, db: Path) -> Configuration:
    file = root / "etc/tocsin/tocsin.toml"
    file.parent.mkdir(parents=True)
    file.write_text(f"db = '{db}'")
    return read_configuration(Namespace(), {}, ConfigPaths(root=root))


def own_configuration(root: Path, db: Path) -> Configuration:
    return read_configuration(Namespace(setting_db=str(db)), {}, ConfigPaths(root=root))


def test_the_owner_is_that_of_the_file(tmp_path: Path) -> None:
    db = tmp_path / "tocsin.db"
    db.touch()
    assert owner_of(db).uid == ME


def test_or_of_the_nearest_folder(tmp_path: Path) -> None:
    assert owner_of(tmp_path / "a" / "b" / "tocsin.db").uid == tmp_path.stat().st_uid


def test_another_account_is_told_whose_the_hosts_store_is(tmp_path: Path) -> None:
    db = tmp_path / "data/tocsin.db"
    db.parent.mkdir()
    configuration = hosts_configuration(tmp_path, db)
    with pytest.raises(Failure) as caught:
        run_as_owner(configuration, ["event", "list", "--since", "1 h"], SOMEBODY_ELSE)
    owner = user_name(ME)
    assert caught.value.exit_code == ExitCode.PERMISSION
    assert caught.value.message == (
        f"this host's store belongs to {owner}: "
        f"run `sudo -u {owner} tocsin event list --since '1 h'`"
    )
    assert not db.exists()


def test_a_host_whose_store_is_missing_says_so(tmp_path: Path) -> None:
    configuration = hosts_configuration(tmp_path, tmp_path / "data/tocsin.db")
    with pytest.raises(Failure, match="is missing: run `sudo tocsin service install`"):
        run_as_owner(configuration, [], SOMEBODY_ELSE)
    assert not (tmp_path / "data").exists()


def test_its_owner_may(tmp_path: Path) -> None:
    db = tmp_path / "tocsin.db"
    db.touch()
    uid = ME or SOMEBODY_ELSE
    if uid != ME:
        os.chown(db, uid, uid)
    run_as_owner(hosts_configuration(tmp_path, db), [], uid)


def test_a_store_of_ones_own_may_be_made_anywhere(tmp_path: Path) -> None:
    run_as_owner(own_configuration(tmp_path, tmp_path / "new.db"), [], SOMEBODY_ELSE)


def become_and_report(db: Path) -> list[str]:
    """Return the identity and abilities of a root process that took its place at a store."""
    program = (
        "import os, sys; from argparse import Namespace; from pathlib import Path;"
        "from cli.config_file import ConfigPaths, read_configuration;"
        "from cli.identity import run_as_owner;"
        "run_as_owner(read_configuration(Namespace(setting_db=sys.argv[1]), {}, "
        "ConfigPaths(root=Path('/nowhere'))), [], 0);"
        "print(*os.getresuid(), *os.getresgid(), len(os.getgroups()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(db)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    return (done.stdout + done.stderr).split()


@needs_root
def test_root_stays_root_at_its_own_store(tmp_path: Path) -> None:
    db = tmp_path / "tocsin.db"
    db.touch()
    assert become_and_report(db)[:3] == ["0", "0", "0"]


@needs_root
def test_root_becomes_the_owner_for_good(tmp_path: Path) -> None:
    db = tmp_path / "tocsin.db"
    db.touch()
    os.chown(db, SOMEBODY_ELSE, SOMEBODY_ELSE)
    report = become_and_report(db)
    if "cannot" in report:
        pytest.skip("this Python lies where only root can read it")
    assert report == [str(SOMEBODY_ELSE)] * 6 + ["0"]


@needs_root
def test_root_may_be_kept_for_a_moment() -> None:
    program = (
        "import os; from cli import identity\n"
        "identity._can_run_python = lambda owner: True\n"
        f"identity.become(identity.Owner({SOMEBODY_ELSE}, {SOMEBODY_ELSE}), for_good=False)\n"
        "print(*os.getresuid(), *os.getresgid()[:2])\n"
        "with identity.as_root(): print(os.geteuid())\n"
        "print(os.geteuid())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True
    )
    other = str(SOMEBODY_ELSE)
    assert done.stdout.split() == [other, other, "0", other, other, "0", other]


@needs_root
def test_root_does_not_become_an_owner_who_cannot_read_python(tmp_path: Path) -> None:
    program = (
        "import os, pathlib; from cli import identity; from cli.exit_codes import Failure\n"
        "os.__file__ = __import__('sys').argv[1]\n"
        f"try: identity.become(identity.Owner({SOMEBODY_ELSE}, {SOMEBODY_ELSE}))\n"
        "except Failure as error: print(os.geteuid(), error.message)\n"
    )
    secret = tmp_path / "os.py"
    secret.touch(mode=0o600)
    done = subprocess.run(
        [sys.executable, "-c", program, str(secret)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    assert done.stdout.startswith(f"0 {SOMEBODY_ELSE}, to whom the store belongs, cannot read")


@needs_root
def test_a_closed_store_of_another_is_named(tmp_path: Path) -> None:
    """Run as an account without rights, in a process of its own."""
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o700)
    (folder / "tocsin.db").touch()
    program = (
        "import os, sys; from argparse import Namespace; from pathlib import Path\n"
        "from cli.config_file import ConfigPaths, read_configuration\n"
        "from cli.identity import run_as_owner\n"
        "from cli.exit_codes import Failure; import pwd, shlex\n"
        "configuration = read_configuration(Namespace(setting_db=sys.argv[1]), {}, "
        "ConfigPaths(root=Path('/nowhere')))\n"
        f"os.setgroups([]); os.setgid({SOMEBODY_ELSE}); os.setuid({SOMEBODY_ELSE})\n"
        "try: run_as_owner(configuration, ['status'], os.geteuid())\n"
        "except Failure as error: print(error.message)\n"
    )
    for parent in [tmp_path, *tmp_path.parents][:3]:
        parent.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder / "tocsin.db")],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    assert "belongs to root: run `sudo -u root tocsin status`" in done.stdout
