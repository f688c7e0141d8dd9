"""Play: all that can happen to a WireGuard hub, step by step, on a real network.

`python -m tests.support.wireguard.play tests/data/wireguard-play.txt` records it: `= KEY NAME` says
who is who, `# MILLISECONDS STEP` begins the dump after a step. The keys are made for it and open
nothing.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.wireguard.rig import (
    LINKS,
    PORT,
    Rig,
    new_key_pair,
    running_rig,
    wait_for_the_next_second,
)

ROAMED_TO = "198.51.100.77"


@dataclass
class Play:
    """A rig, and who is who by public key. `step` names are those of `STEPS`."""

    rig: Rig
    names: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        hosts = {"hub": self.rig.hub, **self.rig.peers}
        self.names = {host.public_key: name for name, host in hosts.items()}
        self.carol = self._key_pair("carol")[1]

    def _key_pair(self, name: str) -> tuple[str, str]:
        private_key, public_key = new_key_pair()
        self.names[public_key] = name
        return private_key, public_key

    def set_peer(self, name: str, *arguments: str, given: str | None = None) -> None:
        """Change what the hub has set for alice or bob."""
        self.rig.set("peer", self.rig.peers[name].public_key, *arguments, given=given)

    def set_carol(self, *arguments: str) -> None:
        """Change what the hub has set for carol, who has no host."""
        self.rig.set("peer", self.carol, *arguments)

    def idle(self) -> None:
        """The hub is up with two peers; nobody has sent a packet."""

    def first_handshakes(self) -> None:
        self.rig.ping("alice")
        self.rig.ping("bob")

    def traffic(self) -> None:
        self.rig.ping("alice", 100, 1200)

    def rehandshake(self) -> None:
        self.rig.shake_hands_again("alice")

    def roam(self) -> None:
        """Alice has another address and goes on in her session."""
        self.rig.move("alice", ROAMED_TO)
        self.rig.ping("alice")

    def peer_added(self) -> None:
        self.set_carol("allowed-ips", "10.99.0.4/32")

    def preshared_key_set(self) -> None:
        """On both sides, and bob makes a handshake with it."""
        preshared_key = self.rig.hub.run("wg", "genpsk")
        self.set_peer("bob", "preshared-key", "/dev/stdin", given=preshared_key)
        self.rig.shake_hands_again("bob", preshared_key)

    def preshared_key_changed(self) -> None:
        """On the hub only: bob's session goes on."""
        preshared_key = self.rig.hub.run("wg", "genpsk")
        self.set_peer("bob", "preshared-key", "/dev/stdin", given=preshared_key)
        self.rig.ping("bob")

    def preshared_key_removed(self) -> None:
        """On both sides, and bob makes a handshake without."""
        self.set_peer("bob", "preshared-key", "/dev/null")
        self.rig.shake_hands_again("bob")

    def allowed_ips(self) -> None:
        self.set_peer("bob", "allowed-ips", "10.99.0.3/32,10.50.0.0/16,fd00:99::3/128")

    def allowed_ip_moved(self) -> None:
        """Carol gets a range of bob's, which WireGuard takes from him without a word."""
        self.set_carol("allowed-ips", "10.99.0.4/32,10.50.0.0/16")

    def keepalive(self) -> None:
        self.set_peer("bob", "persistent-keepalive", "25")

    def endpoint_set(self) -> None:
        """Carol gets an endpoint where nobody is."""
        self.set_carol("endpoint", f"192.0.2.99:{PORT}")

    def port_and_fwmark(self) -> None:
        self.rig.set("listen-port", str(PORT + 1), "fwmark", "0x51")

    def port_and_fwmark_back(self) -> None:
        self.rig.set("listen-port", str(PORT), "fwmark", "0")

    def stolen_key(self) -> None:
        """The thief makes a handshake with a copy of alice's key, while she is away."""
        self.rig.unplug("alice")
        self.rig.start_thief()
        wait_for_the_next_second()
        self.rig.ping("thief")

    def flap_back(self) -> None:
        self.rig.unplug("thief")
        self.rig.plug("alice")
        self.rig.shake_hands_again("alice")

    def flap_again(self) -> None:
        self.rig.unplug("alice")
        self.rig.plug("thief")
        self.rig.shake_hands_again("thief")
        self.rig.stop_thief()

    def peer_removed(self) -> None:
        self.set_carol("remove")

    def peer_key_replaced(self) -> None:
        """Bob has a new key pair: for the hub one peer goes and another comes, and makes a
        handshake before anyone looks.
        """
        bob = self.rig.peers["bob"]
        self.set_peer("bob", "remove")
        bob.private_key, bob.public_key = self._key_pair("new bob")
        self.set_peer("bob", "allowed-ips", f"{LINKS['bob'].tunnel}/32")
        bob.run("wg", "set", "wg0", "private-key", "/dev/stdin", given=bob.private_key)
        self.rig.ping("bob")

    def interface_key_replaced(self) -> None:
        private_key = self._key_pair("new hub")[0]
        self.rig.set("private-key", "/dev/stdin", given=private_key)

    def interface_key_back(self) -> None:
        self.rig.plug("alice")
        self.rig.set("private-key", "/dev/stdin", given=self.rig.hub.private_key)
        self.rig.shake_hands_again("alice")
        self.rig.shake_hands_again("bob")

    def interface_gone(self) -> None:
        self.rig.hub.stop_wireguard()

    def interface_still_gone(self) -> None:
        """A second look at the same."""

    def interface_back(self) -> None:
        """Every counter, handshake and endpoint begins anew."""
        self.rig.start_hub()

    def handshakes_after_that(self) -> None:
        self.rig.shake_hands_again("alice")
        self.rig.shake_hands_again("bob")


STEPS: dict[str, Callable[[Play], None]] = {
    "idle": Play.idle,
    "first handshakes": Play.first_handshakes,
    "traffic": Play.traffic,
    "rehandshake": Play.rehandshake,
    "roam": Play.roam,
    "handshake where it roamed to": Play.rehandshake,
    "peer added": Play.peer_added,
    "preshared key set": Play.preshared_key_set,
    "preshared key changed": Play.preshared_key_changed,
    "preshared key removed": Play.preshared_key_removed,
    "allowed IPs": Play.allowed_ips,
    "allowed IP moved": Play.allowed_ip_moved,
    "keepalive": Play.keepalive,
    "endpoint set": Play.endpoint_set,
    "port and fwmark": Play.port_and_fwmark,
    "port and fwmark back": Play.port_and_fwmark_back,
    "stolen key": Play.stolen_key,
    "flap back": Play.flap_back,
    "flap again": Play.flap_again,
    "peer removed": Play.peer_removed,
    "peer key replaced": Play.peer_key_replaced,
    "interface key replaced": Play.interface_key_replaced,
    "interface key back": Play.interface_key_back,
    "interface gone": Play.interface_gone,
    "interface still gone": Play.interface_still_gone,
    "interface back": Play.interface_back,
    "handshakes after that": Play.handshakes_after_that,
}
"""In their order; a look at the hub follows each."""


def record(file: Path) -> None:
    """Play all of it, and write down each look at the hub and who is who."""
    with running_rig() as rig:
        play = Play(rig)
        looks: list[str] = []
        for name, step in STEPS.items():
            step(play)
            dump = rig.hub.run("wg", "show", "all", "dump")
            looks.append(f"# {time.time_ns() // 1_000_000} {name}\n{dump}")
        who = [f"= {key} {name}\n" for key, name in play.names.items()]
    file.write_text("".join(who + looks))


if __name__ == "__main__":
    record(Path(sys.argv[1]))
