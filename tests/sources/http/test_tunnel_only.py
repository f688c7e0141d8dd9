"""A socket on a WireGuard address, on a real WireGuard network."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.wireguard.rig import LINKS, Host, Rig, rig_or_skip

SERVER = """
from sources.http.listening import open_listener
with open_listener("10.99.0.1:0", encrypted=False) as listener:
    listener.setblocking(True)
    print(listener.getsockname()[1], flush=True)
    while True:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(connection.recv(64))
"""
CLIENT = """
import socket, sys
try:
    with socket.create_connection(("10.99.0.1", int(sys.argv[1])), float(sys.argv[2])) as client:
        client.sendall(b"asked")
        print(client.recv(64).decode())
except TimeoutError:
    print("no answer")
"""


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    yield from rig_or_skip()


@contextmanager
def served(hub: Host) -> Iterator[str]:
    """The port of a listener on the hub's WireGuard address."""
    hub.run("mount", "-t", "sysfs", "sysfs", "/sys")  # else it shows another host's interfaces
    command = hub.argv(sys.executable, "-c", SERVER)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.kill()


def ask(host: Host, port: str, within_s: float = 20) -> str:
    return host.run(sys.executable, "-c", CLIENT, port, str(within_s)).strip()


def test_what_comes_outside_of_the_tunnel_gets_no_answer(rig: Rig) -> None:
    hub, alice, bob = rig.hub, rig.peers["alice"], rig.peers["bob"]
    with served(hub) as port:
        assert ask(bob, port) == "asked"
        assert ask(hub, port) == "asked", "this host may use its own address"
        around = ("10.99.0.1/32", "via", LINKS["alice"].hub, "dev", "outside")
        alice.run("ip", "route", "add", *around)
        assert ask(alice, port, within_s=1.5) == "no answer"
        alice.run("ip", "route", "delete", *around)
        assert ask(alice, port) == "asked"


def test_a_restart_of_the_interface_shuts_nobody_out(rig: Rig) -> None:
    with served(rig.hub) as port:
        rig.hub.stop_wireguard()
        rig.start_hub()
        rig.shake_hands_again("bob")
        assert ask(rig.peers["bob"], port) == "asked"
