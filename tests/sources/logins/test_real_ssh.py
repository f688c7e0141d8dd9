"""A real sshd and a real journal: what we tell of logins that were really made."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.program_store import free_port

RIG = Path(__file__).with_name("ssh_rig.py")
JOURNALD = Path("/lib/systemd/systemd-journald")
TOOLS = ("journalctl", "ssh", "ssh-keygen", "unshare", "mount")
ROOT = Path(__file__).parents[3]


@pytest.fixture
def sshd() -> Path:
    """The program; skips with the reason where the rig cannot be."""
    if os.geteuid() != 0:
        pytest.skip("needs root, for mounts of its own")
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    found = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")
    if missing or found is None or not JOURNALD.exists():
        pytest.skip(f"needs {', '.join(missing) or 'sshd and systemd-journald'}")
    tried = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "true"], capture_output=True
    )
    if tried.returncode != 0:
        pytest.skip("needs mount namespaces")
    return Path(found)


def test_real_logins_are_told(sshd: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            *("unshare", "--mount", "--propagation", "private", sys.executable, RIG),
            *(sshd, tmp_path, str(free_port())),
        ],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    refused = [one for one in found if one["ip"] == "127.0.0.7"]
    if refused:
        assert refused[0]["errors"] == ["bad password"]
        assert refused[-1]["errors"] == ["penalty: failed authentication"]
        assert "user" not in refused[-1]
    told = [one for one in found if one["ip"] != "127.0.0.7"]
    assert [(one["user"], one["ip"], one["errors"], one["verifications"]) for one in told] == [
        ("root", "127.0.0.2", [], ["publickey", "user"]),
        ("root", "127.0.0.3", ["not authenticated"], []),
        ("root", "127.0.0.4", ["bad password"], []),
        ("root", "127.0.0.4", ["bad password"], []),
        ("mallory", "127.0.0.5", ["unknown user", "bad password"], []),
        ("root from 192.0.2.66 port 1 ssh2", "127.0.0.6", ["unknown user", "bad password"], []),
    ]
