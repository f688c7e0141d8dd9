"""A real WireGuard network on one machine: a hub, two peers and a thief, each in namespaces of its
own.

A host is a shell that holds a network namespace and a mount namespace; the latter has a tmpfs on
/var/run/wireguard, because userspace WireGuard is found by the sockets there. The shell ends with
its standard input and the WireGuard processes with their parent, so that nothing outlives a test
process, however it dies; namespaces and links go with the last process in them.

    hub    wg0 10.99.0.1   198.51.100.1 (to alice), 203.0.113.1 (to bob), port 51820
    alice  wg0 10.99.0.2   198.51.100.2
    bob    wg0 10.99.0.3   203.0.113.2
    thief  wg0 10.99.0.2   192.0.2.2    starts with alice's key, and only when told to
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from threading import Thread

import pytest

from tests.support.waiting import PATIENCE_S

PORT = 51820
SOCKETS = os.path.realpath("/var/run/wireguard")  # a link to /run where there is one
_PACKAGES = {
    "ip": "iproute2",
    "wg": "wireguard-tools",
    "ping": "iputils-ping",
    "nsenter": "util-linux",
    "unshare": "util-linux",
    "setpriv": "util-linux",
}
_HOLD = f"mkdir -p {SOCKETS} && mount -t tmpfs tmpfs {SOCKETS} && echo ready && exec cat"


class CannotRunError(Exception):
    """This machine lacks something that the rig needs; the text says what."""


@dataclass(frozen=True, slots=True)
class Link:
    """Link of a peer: its address in the tunnel, its own and the hub's outside of it."""

    tunnel: str
    outside: str
    hub: str


LINKS = {
    "alice": Link("10.99.0.2", "198.51.100.2", "198.51.100.1"),
    "bob": Link("10.99.0.3", "203.0.113.2", "203.0.113.1"),
    "thief": Link("10.99.0.2", "192.0.2.2", "192.0.2.1"),
}
THIEF = "thief"


def _run(*command: str, given: str | None = None) -> str:
    timeout = 3 * PATIENCE_S
    done = subprocess.run(
        command, input=given, capture_output=True, text=True, timeout=timeout, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def _answer_nothing(listener: socket.socket) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listener.accept()
            with connection:
                connection.recv(64)


def new_key_pair() -> tuple[str, str]:
    """A private key and its public key."""
    private_key = _run("wg", "genkey").strip()
    return private_key, _run("wg", "pubkey", given=private_key).strip()


class Host:
    """One machine of the network."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.private_key, self.public_key = new_key_pair()
        self._wireguard: subprocess.Popen[bytes] | None = None
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  # closed by stop()
        self._holder = subprocess.Popen(
            ["unshare", "--net", "--mount", "--propagation", "private", "sh", "-c", _HOLD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._holder.stdout
        assert self._holder.stderr
        if self._holder.stdout.readline() != "ready\n":
            complaint = self._holder.stderr.read().strip()
            self.stop()
            raise CannotRunError(f"namespaces cannot be made: {complaint}")
        self.run("ip", "link", "set", "lo", "up")

    @property
    def pid(self) -> int:
        """The process that holds the namespaces."""
        return self._holder.pid

    def argv(self, *command: str) -> list[str]:
        """The command line that runs a command on this host, as the same process."""
        return ["nsenter", "-t", str(self.pid), "--net", "--mount", "--", *command]

    def run(self, *command: str, given: str | None = None) -> str:
        """Run a command on this host and return what it prints."""
        return _run(*self.argv(*command), given=given)

    def start_wireguard(self, address: str, configuration: str) -> None:
        """Make wg0: by the kernel where it can, else by wireguard-go."""
        try:
            self.run("ip", "link", "add", "wg0", "type", "wireguard")
        except RuntimeError:
            self._start_wireguard_go()
        self.run("wg", "setconf", "wg0", "/dev/stdin", given=configuration)
        self.run("ip", "address", "add", f"{address}/24", "dev", "wg0")
        self.run("ip", "link", "set", "wg0", "up")

    def _start_wireguard_go(self) -> None:
        command = ("setpriv", "--pdeathsig", "KILL", "wireguard-go", "--foreground", "wg0")
        self._wireguard = subprocess.Popen(
            self.argv(*command), stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log
        )
        self._wait_for_socket()

    def _wait_for_socket(self) -> None:
        """Connect until it answers. `wg` would remove a socket that is bound and not yet heard."""
        path = f"/proc/{self.pid}/root{SOCKETS}/wg0.sock"
        deadline = time.monotonic() + PATIENCE_S
        while True:
            with socket.socket(socket.AF_UNIX) as client:
                try:
                    client.connect(path)
                    return
                except OSError:
                    if time.monotonic() > deadline:
                        raise RuntimeError(f"wireguard-go did not start: {self._said()}") from None
                    time.sleep(0.01)

    def _said(self) -> str:
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    @contextmanager
    def stopped_wireguard(self) -> Iterator[None]:
        """Stop the WireGuard process for a while, so that `wg` waits for its answer."""
        if self._wireguard is None:
            pytest.skip("the kernel's WireGuard cannot be stopped")
        self._wireguard.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self._wireguard.pid, os.WSTOPPED | os.WNOWAIT)
        try:
            yield
        finally:
            self._wireguard.send_signal(signal.SIGCONT)

    @contextmanager
    def unreadable_interface(self, name: str) -> Iterator[None]:
        """An interface of userspace WireGuard that hears what it is asked and hangs up."""
        path = f"/proc/{self.pid}/root{SOCKETS}/{name}.sock"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen()
            Thread(target=_answer_nothing, args=(listener,), daemon=True).start()
            try:
                yield
            finally:
                listener.shutdown(socket.SHUT_RDWR)
                os.unlink(path)

    def stop_wireguard(self) -> None:
        """Take wg0 away, as a restart does first."""
        if self._wireguard is None:
            self.run("ip", "link", "delete", "wg0")
            return
        self._wireguard.terminate()
        self._wireguard.wait(10)
        self._wireguard = None

    def stop(self) -> None:
        """End everything on this host."""
        for process in (self._wireguard, self._holder):
            if process is not None:
                process.kill()
                process.wait(10)
        for stream in (self._holder.stdin, self._holder.stdout, self._holder.stderr):
            if stream is not None:
                stream.close()
        self._log.close()


@dataclass(frozen=True, slots=True)
class PeerCounters:
    """Peer as `wg` on the hub shows it."""

    endpoint: str
    handshake: int
    rx: int
    tx: int


class Rig:
    """The network. Every peer has the tunnel up; nobody has sent anything through it yet."""

    def __init__(self, hub: Host, others: dict[str, Host]) -> None:
        self.hub = hub
        self.peers = {name: host for name, host in others.items() if name != THIEF}
        self._others = others
        for name, host in others.items():
            self._connect(name, host)
        self.start_hub()
        for name in self.peers:
            self._start(name, self.peers[name].private_key)

    def start_thief(self) -> None:
        """Let the thief use a copy of alice's key from another place."""
        self._start(THIEF, self.peers["alice"].private_key)

    def stop_thief(self) -> None:
        """Take the thief's tunnel away."""
        self._others[THIEF].stop_wireguard()

    def _start(self, name: str, private_key: str) -> None:
        configuration = self._configuration(name, private_key)
        self._others[name].start_wireguard(LINKS[name].tunnel, configuration)

    def _connect(self, name: str, peer: Host) -> None:
        link = LINKS[name]
        pair = ("ip", "link", "add", name, "type", "veth", "peer", "name", "outside")
        self.hub.run(*pair, "netns", str(peer.pid))
        for host, device, address in (
            (self.hub, name, link.hub),
            (peer, "outside", link.outside),
        ):
            host.run("ip", "address", "add", f"{address}/24", "dev", device)
            host.run("ip", "link", "set", device, "up")

    def _configuration(self, name: str, private_key: str) -> str:
        return (
            f"[Interface]\nPrivateKey = {private_key}\n"
            f"[Peer]\nPublicKey = {self.hub.public_key}\n"
            f"Endpoint = {LINKS[name].hub}:{PORT}\nAllowedIPs = 10.99.0.0/24\n"
        )

    def start_hub(self) -> None:
        """Make the hub's interface: every counter begins at 0."""
        lines = [f"[Interface]\nPrivateKey = {self.hub.private_key}\nListenPort = {PORT}"]
        for name, peer in self.peers.items():
            allowed = f"{LINKS[name].tunnel}/32"
            lines.append(f"[Peer]\nPublicKey = {peer.public_key}\nAllowedIPs = {allowed}")
        self.hub.start_wireguard("10.99.0.1", "\n".join(lines) + "\n")

    def ping(self, name: str, count: int = 2, size: int = 56) -> None:
        """Ping the hub from a peer through the tunnel, and get every answer."""
        options = ("-q", "-n", "-c", str(count), "-i", "0.02", "-s", str(size), "-W", "10")
        self._others[name].run("ping", *options, "10.99.0.1")

    def shake_hands_again(self, name: str, preshared_key: str = "") -> None:
        """Let a peer forget its session and ping: the hub sees a handshake with a new stamp."""
        peer, hub = self._others[name], self.hub.public_key
        wait_for_the_next_second()
        endpoint = f"{LINKS[name].hub}:{PORT}"
        peer.run("wg", "set", "wg0", "peer", hub, "remove")
        peer.run(
            *("wg", "set", "wg0", "peer", hub),
            *("preshared-key", "/dev/stdin" if preshared_key else "/dev/null"),
            *("endpoint", endpoint, "allowed-ips", "10.99.0.0/24"),
            given=preshared_key,
        )
        self.ping(name)

    def move(self, name: str, address: str) -> None:
        """Give a host another address outside of the tunnel."""
        host, old = self._others[name], LINKS[name].outside
        # In this order: an address added first would be a secondary of the old one and go with it.
        host.run("ip", "address", "delete", f"{old}/24", "dev", "outside")
        host.run("ip", "address", "add", f"{address}/24", "dev", "outside")

    def unplug(self, name: str) -> None:
        """Cut a host off, so that not even the keepalive of an idle session gets through."""
        self._others[name].run("ip", "link", "set", "outside", "down")

    def plug(self, name: str) -> None:
        """Connect a host again; it keeps its address."""
        self._others[name].run("ip", "link", "set", "outside", "up")

    def set(self, *arguments: str, given: str | None = None) -> None:
        """`wg set wg0 ...` on the hub."""
        self.hub.run("wg", "set", "wg0", *arguments, given=given)

    def counters(self, name: str) -> PeerCounters:
        """Return what the hub's own `wg show wg0` says of a peer."""
        key = self.peers[name].public_key

        def shown(what: str) -> list[str]:
            lines = self.hub.run("wg", "show", "wg0", what).splitlines()
            return next(line.split("\t")[1:] for line in lines if line.startswith(key))

        rx, tx = map(int, shown("transfer"))
        return PeerCounters(shown("endpoints")[0], int(shown("latest-handshakes")[0]), rx, tx)


def wait_for_the_next_second() -> None:
    """The stamp of a handshake has whole seconds."""
    time.sleep(1 - time.time() % 1)


def _check_machine() -> None:
    if os.geteuid() != 0:
        raise CannotRunError("network namespaces need root")
    for program, package in _PACKAGES.items():
        if shutil.which(program) is None:
            raise CannotRunError(f"there is no `{program}` (Debian package {package})")


def _check_wireguard(host: Host) -> None:
    try:
        host.run("ip", "link", "add", "probe", "type", "wireguard")
        host.run("ip", "link", "delete", "probe")
        return
    except RuntimeError:
        pass
    if shutil.which("wireguard-go") is None:
        raise CannotRunError("the kernel has no WireGuard and there is no `wireguard-go`")
    try:
        host.run("ip", "tuntap", "add", "probe", "mode", "tun")
        host.run("ip", "tuntap", "delete", "probe", "mode", "tun")
    except RuntimeError as error:
        raise CannotRunError(f"no tun device can be made: {error}") from None


def _hosts(names: Sequence[str], stack: ExitStack) -> Iterator[Host]:
    for name in names:
        host = Host(name)
        stack.callback(host.stop)
        yield host


@contextmanager
def running_rig() -> Iterator[Rig]:
    """Build the network, and take it away at the end; CannotRunError says what is missing."""
    _check_machine()
    with ExitStack() as stack:
        hub, *others = _hosts(("hub", *LINKS), stack)
        _check_wireguard(hub)
        yield Rig(hub, {host.name: host for host in others})


def rig_or_skip() -> Iterator[Rig]:
    """The body of a fixture: the network, or a skip with the reason."""
    with ExitStack() as stack:
        try:
            rig = stack.enter_context(running_rig())
        except CannotRunError as error:
            pytest.skip(str(error))
        yield rig
