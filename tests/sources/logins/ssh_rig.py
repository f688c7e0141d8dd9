"""A real sshd that logs to a real journald, both in a mount namespace of their own.

Run by `unshare --mount`: it prints what the journal source tells of a few logins, as JSON.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

JOURNALD = "/lib/systemd/systemd-journald"
DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "ptmx")
PATIENCE_S = 30.0


def run(*command: object) -> None:
    """A command that must not fail."""
    subprocess.run([str(word) for word in command], check=True, capture_output=True)


def until(condition: Callable[[], bool], what: Callable[[], str]) -> None:
    """Wait until something has come about."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(what())
        time.sleep(0.02)


def can_connect(address: str | tuple[str, int]) -> bool:
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    kind = socket.SOCK_DGRAM if isinstance(address, str) else socket.SOCK_STREAM
    with socket.socket(family, kind) as tried:
        return tried.connect_ex(address) == 0


def own_system(folder: Path) -> None:
    """A /run, a /dev with a log, a machine id and an account for sshd, seen by us alone."""
    run("mount", "-t", "tmpfs", "tmpfs", "/run")
    for path in ("/run/systemd/journal", "/run/log/journal", "/run/sshd"):
        os.makedirs(path)
    dev = folder / "dev"
    dev.mkdir()
    run("mount", "-t", "tmpfs", "tmpfs", dev)
    for name in DEVICES:
        if Path("/dev", name).exists():
            (dev / name).touch()
            run("mount", "--bind", f"/dev/{name}", dev / name)
    (dev / "pts").mkdir()
    run("mount", "--bind", "/dev/pts", dev / "pts")
    (dev / "log").symlink_to("/run/systemd/journal/dev-log")
    run("mount", "--move", dev, "/dev")
    # Neither the kernel's log nor its audit, which journald would switch on for all.
    settings = "[Journal]\nStorage=volatile\nAudit=no\nReadKMsg=no\n"
    Path("/run/systemd/journald.conf.d").mkdir()
    Path("/run/systemd/journald.conf.d/own.conf").write_text(settings)
    cover(folder, "/etc/machine-id", "e08d2021fbdd6f894fde550c98aff54d\n")
    cover(folder, "/etc/shadow", "root:*:20000:0:99999:7:::\n")
    accounts = Path("/etc/passwd").read_text()
    if "\nsshd:" not in accounts:
        cover(folder, "/etc/passwd", f"{accounts}sshd:x:65534:65534::/run/sshd:/bin/false\n")


def cover(folder: Path, path: str, text: str) -> None:
    """Let a file have another text here."""
    own = folder / Path(path).name
    own.write_text(text)
    own.chmod(0o644)
    run("mount", "--bind", own, path)


def sshd(program: Path, folder: Path, port: int) -> subprocess.Popen[bytes]:
    """A server with a key, where one key may log in."""
    for name in ("host", "good", "bad"):
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name)
    options = {
        "AuthorizedKeysFile": folder / "good.pub",
        "HostKey": folder / "host",
        "ListenAddress": f"127.0.0.1:{port}",
        "PermitRootLogin": "yes",
        "PidFile": "none",
        "StrictModes": "no",
        "UsePAM": "no",
    }
    parts = program.parents[1] / "lib" / "openssh"
    if program.parents[1] != Path("/usr"):
        options |= {"SshdSessionPath": parts / "sshd-session", "SshdAuthPath": parts / "sshd-auth"}
    (folder / "sshd_config").write_text("".join(f"{k} {v}\n" for k, v in options.items()))
    return subprocess.Popen([program, "-D", "-f", folder / "sshd_config"])


def log_in(folder: Path, port: int, number: int, user: str, *options: str) -> bool:
    """Return True if a login succeeds; whoever is asked for a password says a wrong one.

    Each comes from an address of its own: sshd makes those wait that have failed.
    """
    asked = folder / "askpass"
    asked.write_text("#!/bin/sh\necho wrong\n")
    asked.chmod(0o700)
    common = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR")
    words = [word for option in (*common, *options) for word in ("-o", option)]
    done = subprocess.run(
        [
            "ssh",
            "-F",
            "none",
            "-b",
            f"127.0.0.{number}",
            "-p",
            str(port),
            *words,
            "-l",
            user,
            "127.0.0.1",
            "true",
        ],
        env={**os.environ, "SSH_ASKPASS": str(asked), "SSH_ASKPASS_REQUIRE": "force"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE_S,
    )
    return done.returncode == 0


def key(folder: Path, name: str) -> Sequence[str]:
    return (f"IdentityFile={folder / name}", "IdentitiesOnly=yes", "PasswordAuthentication=no")


def by_password(tries: int) -> Sequence[str]:
    return ("PubkeyAuthentication=no", f"NumberOfPasswordPrompts={tries}")


HOSTILE = "root from 192.0.2.66 port 1 ssh2"


def play(program: Path, folder: Path, port: int) -> None:
    """Good key, bad key, two bad passwords, and names that nobody has."""
    from sources.logins.alerts import AlertRules
    from sources.logins.journal import JournalSource

    source = JournalSource("journalctl", name="logins", rules=AlertRules())
    state = source.poll(time.time_ns() // 1_000_000, None).state
    assert log_in(folder, port, 2, "root", *key(folder, "good"))
    assert not log_in(folder, port, 3, "root", *key(folder, "bad"))
    assert not log_in(folder, port, 4, "root", *by_password(2))
    assert not log_in(folder, port, 5, "mallory", *by_password(1))
    assert not log_in(folder, port, 6, HOSTILE, *by_password(1))
    found: list[bytes] = []

    def looked() -> bool:
        nonlocal state
        batch = source.poll(time.time_ns() // 1_000_000, state)
        state = batch.state
        found.extend(event.body for event in batch.events if event.type.value == "log_authn")
        return len(found) >= 6

    until(looked, lambda: f"only these sign-ins came: {found}")
    if b"penalty: failed authentication" in program.read_bytes():  # OpenSSH 9.8 or newer

        def is_refused() -> bool:
            log_in(folder, port, 7, "root", *by_password(1))
            looked()
            return b"penalty: " in found[-1]

        until(is_refused, lambda: f"no connection was refused: {found}")
    print(json.dumps([json.loads(body)["attributes"] for body in found]))


def main() -> None:
    """The arguments are the program sshd, an empty folder and a port."""
    program, folder, port = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    own_system(folder)
    processes = [subprocess.Popen([JOURNALD], stderr=subprocess.DEVNULL)]
    try:
        until(lambda: can_connect("/run/systemd/journal/dev-log"), lambda: "no journald")
        processes.append(sshd(program, folder, port))
        until(lambda: can_connect(("127.0.0.1", port)), lambda: "no sshd")
        play(program, folder, port)
    finally:
        for process in reversed(processes):
            process.kill()
            process.wait()


if __name__ == "__main__":
    main()
