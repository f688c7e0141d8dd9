"""Addresses at which an HTTP source may listen, and its certificate."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import ssl
import subprocess
import sys
from ipaddress import ip_address
from pathlib import Path

import pytest

from domain.source_kinds import HTTP
from sources.base import SourceError
from sources.http import listening, tunnel_only
from sources.http.listening import (
    CertificateRenewal,
    check_listening,
    load_certificate,
    open_listener,
    tls_context,
)
from sources.http.tunnel_only import all_addresses
from sources.intake import Inlet
from store import sources
from store.database import Store
from store.errors import StoreError
from tests.support.certificates import Authority
from tests.support.stores import ACTOR, NOW

ADDRESSES = [
    ("wg0", ip_address("10.9.0.1")),
    ("wg0", ip_address("fd00::1")),
    ("eth0", ip_address("192.0.2.7")),
    ("utun7", ip_address("10.8.0.1")),
]


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A host with one WireGuard interface of the kernel and one of a program."""
    for name, type_ in (("wg0", "wireguard"), ("eth0", "ether"), ("wg9", "wireguard")):
        folder = tmp_path / "net" / name
        folder.mkdir(parents=True)
        (folder / "uevent").write_text(f"DEVTYPE={type_}\nINTERFACE={name}\n")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "utun7.sock").touch()
    monkeypatch.setattr(listening, "_INTERFACES", tmp_path / "net")
    monkeypatch.setattr(listening, "_USERSPACE_SOCKETS", tmp_path / "run")
    monkeypatch.setattr(listening, "all_addresses", lambda: ADDRESSES)


@pytest.mark.skipif(sys.platform != "linux", reason="asks as Linux is asked")
def test_the_addresses_of_this_host() -> None:
    found = list(all_addresses())
    assert ("lo", ip_address("127.0.0.1")) in found
    known = subprocess.run(["ip", "-json", "address", "show"], capture_output=True, check=False)
    if known.returncode == 0:
        expected = {
            (interface["ifname"], ip_address(address["local"]))
            for interface in json.loads(known.stdout)
            for address in interface["addr_info"]
        }
        assert set(found) == expected


@pytest.mark.usefixtures("host")
def test_the_addresses_of_wireguard_interfaces_are_known() -> None:
    found = {ip_address(text) for text in ("10.9.0.1", "fd00::1", "10.8.0.1")}
    assert listening.wireguard_addresses() == found


@pytest.mark.usefixtures("host")
@pytest.mark.parametrize("listen", ["0.0.0.0:0", "[::]:0", "192.0.2.7:0", "10.9.0.2:0"])
def test_elsewhere_it_needs_tls(listen: str) -> None:
    with pytest.raises(SourceError, match="set certificate and private_key"):
        open_listener(listen, encrypted=False)


@pytest.mark.usefixtures("host")
def test_a_wireguard_address_needs_none() -> None:
    # The address is not one of this machine, so it is bound no further.
    with pytest.raises(SourceError, match=r"cannot listen on 10\.9\.0\.1"):
        open_listener("10.9.0.1:0", encrypted=False)


@pytest.mark.usefixtures("host")
def test_a_wireguard_address_needs_tls_where_the_system_filters_no_socket(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tunnel_only, "_ATTACH_FILTER", 26_000)  # as strange here as 26 is elsewhere
    with pytest.raises(SourceError) as refused:
        open_listener("10.9.0.1:0", encrypted=False)
    assert str(refused.value) == (
        "this system cannot keep away what does not come by the tunnel; "
        "set certificate and private_key, so that TLS encrypts it"
    )


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "127.8.9.1:0"])
def test_loopback_is_free(listen: str) -> None:
    with open_listener(listen, encrypted=False) as listener:
        assert listener.getsockname()[1] > 0


def test_anywhere_with_tls() -> None:
    with open_listener("0.0.0.0:0", encrypted=True) as listener:
        assert listener.getsockname()[0] == "0.0.0.0"


def test_a_port_that_is_taken() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(SourceError, match="choose another"):
            open_listener(f"127.0.0.1:{other.getsockname()[1]}", encrypted=False)


def test_a_check_asks_for_no_port_of_its_own() -> None:
    with open_listener("127.0.0.1:0", encrypted=False) as listener:
        check_listening(f"127.0.0.1:{listener.getsockname()[1]}", "", "")


def test_a_check_finds_an_address_that_is_not_of_this_host(authority: Authority) -> None:
    certificate, private_key = map(str, authority.issue())
    check_listening("0.0.0.0:8786", certificate, private_key)
    with pytest.raises(SourceError, match=r"cannot listen on 192\.0\.2\.77:8786"):
        check_listening("192.0.2.77:8786", certificate, private_key)


def test_no_files_mean_no_tls() -> None:
    assert tls_context("", "") is None


@pytest.mark.parametrize("which", ["one", "none there", "swapped", "nonsense", "other key"])
def test_files_that_cannot_be_used_are_named(
    which: str, authority: Authority, tmp_path: Path
) -> None:
    certificate, key = authority.issue()
    _, other_key = authority.issue(name="other")
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("nonsense")
    files = {
        "one": (certificate, ""),
        "none there": (tmp_path / "missing.pem", key),
        "swapped": (key, certificate),
        "nonsense": (nonsense, key),
        "other key": (certificate, other_key),
    }[which]
    with pytest.raises(SourceError, match="certificate and private_key"):
        tls_context(str(files[0]), str(files[1]))


def test_a_renewed_certificate_is_used_for_new_connections(authority: Authority) -> None:
    context = tls_context(*map(str, authority.issue(expired=True, name="old")))
    assert context is not None
    trusting = ssl.create_default_context(cafile=str(authority.file))
    with pytest.raises(ssl.SSLError, match="expired"):
        _handshake(context, trusting)
    load_certificate(context, *map(str, authority.issue(name="new")))
    _handshake(context, trusting)


def _handshake(server: ssl.SSLContext, client: ssl.SSLContext) -> None:
    """Both sides in memory."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client.wrap_bio(down, up, server_hostname="127.0.0.1")
    answering = server.wrap_bio(up, down, server_side=True)
    waiting = [asking, answering]
    while waiting:
        for side in list(waiting):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            waiting.remove(side)


class Scene:
    """A certificate, and what looks whether it was renewed."""

    def __init__(self, store: Store, authority: Authority, tmp_path: Path) -> None:
        self._store = store
        self.inlet = Inlet("http", store, lambda: NOW, on_appended=lambda: None)
        self._found = [file.read_bytes() for file in authority.issue()]
        self.files = tmp_path / "server.pem", tmp_path / "server.key"
        self.write(changed_at=1)
        certificate, private_key = map(str, self.files)
        context = tls_context(certificate, private_key)
        assert context is not None
        self._renewal = CertificateRenewal(context, certificate, private_key, self.inlet)
        store.call(sources.add, HTTP, "http", {}, ACTOR, NOW)

    def write(self, *, changed_at: int, good: bool = True) -> None:
        """Write the files, as if at that time."""
        for file, data in zip(self.files, self._found, strict=True):
            file.write_bytes(data if good else b"nonsense")
            os.utime(file, ns=(changed_at, changed_at))

    def error_after_look(self) -> str | None:
        asyncio.run(self._renewal.check())
        return self._store.call(sources.find, "http").error


@pytest.fixture
def scene(store: Store, authority: Authority, tmp_path: Path) -> Scene:
    return Scene(store, authority, tmp_path)


@pytest.mark.parametrize("changed_at", [3, 1], ids=["renewed", "the old ones are back"])
def test_the_health_is_well_again_with_a_good_certificate(scene: Scene, changed_at: int) -> None:
    scene.write(changed_at=2, good=False)
    assert "the old certificate is used still" in str(scene.error_after_look())
    scene.write(changed_at=changed_at)
    assert scene.error_after_look() is None


def test_a_certificate_that_is_as_it_was_says_nothing_of_other_troubles(
    scene: Scene, store: Store
) -> None:
    store.call(sources.save_failure, "http", "a bug", NOW)
    assert scene.error_after_look() == "a bug"
    scene.write(changed_at=2)
    assert scene.error_after_look() == "a bug"


def test_what_the_store_refused_is_noted_with_the_next_look(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuses(*_: object) -> None:
        raise StoreError("the disk is full")

    scene.write(changed_at=2, good=False)
    assert scene.error_after_look() is not None
    scene.write(changed_at=3)
    with monkeypatch.context() as patch:
        patch.setattr(scene.inlet, "note_own_success", refuses)
        assert scene.error_after_look() is not None
    assert scene.error_after_look() is None
