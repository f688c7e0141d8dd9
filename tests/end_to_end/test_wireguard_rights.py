"""The service's account and a real WireGuard, by the sudo rule that an installation writes."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from cli.service import files
from sources.wireguard.command import DumpCommand
from sources.wireguard.dump import without_keys
from tests.support.program import ROOT
from tests.support.wireguard.rig import Rig, rig_or_skip

ACCOUNT = 65533
_ENTRY = f"tocsin:x:{ACCOUNT}:{ACCOUNT}::/:/usr/sbin/nologin\n"
PROGRAM = "/usr/local/bin/tocsin"
_SCRIPT = f"""\
#!/bin/sh
cd {ROOT} && exec {sys.executable} -c 'import sys; from cli.main import main; sys.exit(main())' "$@"
"""
_LOOK = """
import sys
from sources.wireguard.command import DumpCommand
sys.stdout.write(DumpCommand("wg show all dump").run().dump)
"""
_MOUNTED = f"""\
mount --bind "$1/passwd" /etc/passwd
mount --bind "$1/shadow" /etc/shadow
mount -t tmpfs -o mode=755 tmpfs /usr/local/bin
cp "$1/tocsin" {PROGRAM}
chmod 755 {PROGRAM}
mount -t tmpfs -o mode=750 tmpfs /etc/sudoers.d
cp "$1/rule" /etc/sudoers.d/tocsin
chmod 440 /etc/sudoers.d/tocsin
cd {ROOT}
shift
exec setpriv --reuid {ACCOUNT} --regid {ACCOUNT} --clear-groups -- "$@"
"""

pytestmark = pytest.mark.skipif(
    not shutil.which("sudo") or not os.path.isdir("/etc/sudoers.d"), reason="sudo is missing"
)


@pytest.fixture
def rig() -> Iterator[Rig]:
    yield from rig_or_skip()


@pytest.fixture
def system(rig: Rig) -> Iterator[tuple[str, ...]]:
    """Return the runner of commands on the hub as the service's account, where it is installed."""
    with TemporaryDirectory() as folder:
        Path(folder, "passwd").write_text(f"root:x:0:0::/root:/bin/sh\n{_ENTRY}")
        Path(folder, "shadow").write_text("root:*:20000::::::\ntocsin:!:20000::::::\n")
        Path(folder, "tocsin").write_text(_SCRIPT)
        rule = files.sudoers(PROGRAM, with_wireguard=True)
        Path(folder, "rule").write_text(rule)
        mounted = ("unshare", "--mount", "--propagation", "private", "sh", "-ec", _MOUNTED, "sh")
        yield tuple(rig.hub.argv(*mounted, folder))


def test_a_screen_beside_the_service_sees_the_peers_and_no_key(
    rig: Rig, system: tuple[str, ...]
) -> None:
    preshared_key = rig.hub.run("wg", "genpsk").strip()
    rig.set(
        *("peer", rig.peers["alice"].public_key, "preshared-key", "/dev/stdin"),
        given=preshared_key,
    )
    look = (*system, sys.executable, "-c", _LOOK)
    seen = DumpCommand(shlex.join(look)).run().dump
    assert rig.hub.public_key in seen
    whole = without_keys(rig.hub.run("wg", "show", "all", "dump"))
    assert sorted(seen.splitlines()) == sorted(whole.splitlines())  # peers are in no order
    assert rig.hub.private_key not in seen
    assert preshared_key not in seen


@pytest.mark.parametrize(
    "command",
    [
        "sudo -n /usr/bin/wg show all dump",
        "sudo -n /usr/bin/wg show all private-key",
        f"sudo -n {PROGRAM} service dump --help",
        f"sudo -n {PROGRAM} service uninstall --purge --yes",
        f"{PROGRAM} service dump",
        "/usr/bin/wg show all dump",
    ],
)
def test_nothing_else_runs_with_rights(system: tuple[str, ...], command: str) -> None:
    with pytest.raises(Exception, match=r"password is required|only root may|denied"):
        DumpCommand(shlex.join((*system, *shlex.split(command)))).run()
