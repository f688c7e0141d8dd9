"""Sockets that an HTTP source listens on, and their certificates, which may be renewed meanwhile.

It listens on loopback, on a WireGuard address, or anywhere with TLS.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from domain.source_options import split_listen
from sources.base import SourceError
from sources.http.tunnel_only import Address, all_addresses, take_only_tunnels
from sources.intake import Inlet
from store.errors import StoreError

_INTERFACES = Path("/sys/class/net")
_USERSPACE_SOCKETS = Path("/var/run/wireguard")
BACKLOG = 256
CHECK_S = 60.0
"""Seconds from one check to the next whether the certificate was renewed."""


def check_listening(listen: str, certificate: str, private_key: str) -> None:
    """Check that a source could listen so if its port is free. Raises SourceError with the cure."""
    encrypted = tls_context(certificate, private_key) is not None
    open_listener(listen, encrypted=encrypted, at_any_port=True).close()


def open_listener(listen: str, *, encrypted: bool, at_any_port: bool = False) -> socket.socket:
    """Bind the address, "127.0.0.1:8786". Raises SourceError with the cure."""
    host, port = split_listen(listen)
    address = ipaddress.ip_address(host)
    if not encrypted and not address.is_loopback and address not in wireguard_addresses():
        raise SourceError(
            f"{listen} could be read by others on the way",
            "set certificate and private_key, or listen on 127.0.0.1 or on the address of a "
            "WireGuard interface that is up",
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named, since asyncio sets TCP_NODELAY for this protocol alone: else answers wait 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if not encrypted and not address.is_loopback:
        _keep_others_away(listener)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.setblocking(False)
        listener.bind((host, 0 if at_any_port else port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        reason = f"cannot listen on {listen}: {error.strerror or error}"
        raise SourceError(reason, "choose another address or port with --listen") from None
    return listener


def _keep_others_away(listener: socket.socket) -> None:
    try:
        take_only_tunnels(listener)
    except OSError:
        listener.close()
        raise SourceError(
            "this system cannot keep away what does not come by the tunnel",
            "set certificate and private_key, so that TLS encrypts it",
        ) from None


def tls_context(certificate: str, private_key: str) -> ssl.SSLContext | None:
    """Return TLS with these files; None where neither is set. Raises SourceError."""
    if not certificate and not private_key:
        return None
    if not certificate or not private_key:
        raise SourceError("only one of certificate and private_key is set", "set both or neither")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    load_certificate(context, certificate, private_key)
    return context


def load_certificate(context: ssl.SSLContext, certificate: str, private_key: str) -> None:
    """Read the files, also anew: connections made from now on get them. Raises SourceError."""
    try:
        context.load_cert_chain(certificate, private_key, password=_no_password)
    except (OSError, ValueError) as error:
        raise SourceError(
            f"certificate and private_key cannot be used: {_why_unusable(error)}",
            f"look at {certificate} and {private_key}: PEM files that this account may read, "
            "the key without a password",
        ) from None


def _why_unusable(error: OSError | ValueError) -> str:
    if isinstance(error, ssl.SSLError):
        return error.reason.replace("_", " ").lower() if error.reason else "they are no PEM files"
    return (error.strerror if isinstance(error, OSError) else str(error)) or type(error).__name__


def _no_password() -> str:
    """Refuse to give a password, for which OpenSSL would else ask on the terminal."""
    raise ValueError("the key has a password")


def wireguard_addresses() -> set[Address]:
    """Return the addresses of this host's WireGuard interfaces, as far as the system knows them."""
    names = _wireguard_interfaces()
    return {address for name, address in all_addresses() if name in names} if names else set()


def _wireguard_interfaces() -> set[str]:
    """Return their names: those of the kernel say what they are, a program's have a socket."""
    names = {file.stem for file in _USERSPACE_SOCKETS.glob("*.sock")}
    for file in _INTERFACES.glob("*/uevent"):
        with suppress(OSError):
            if "DEVTYPE=wireguard" in file.read_text().splitlines():
                names.add(file.parent.name)
    return names


class CertificateRenewal:
    """Renewal of the certificate of a server that runs: uses its files anew when they change."""

    def __init__(
        self, context: ssl.SSLContext, certificate: str, private_key: str, inlet: Inlet
    ) -> None:
        self._context = context
        self._files = (certificate, private_key)
        self._inlet = inlet
        self._seen = _changed_at(self._files)
        self._is_failing = False

    async def watch(self) -> None:
        """Check again and again, without end."""
        while True:
            await asyncio.sleep(CHECK_S)
            await self.check()

    async def check(self) -> None:
        """Use the files if they have changed; while they are no good, the source's health says so.

        What could not be noted is noted with the next check.
        """
        now = _changed_at(self._files)
        if now == self._seen and not self._is_failing:
            return
        with suppress(StoreError):
            try:
                load_certificate(self._context, *self._files)
                self._seen = now
                if self._is_failing:
                    await self._inlet.note_own_success()
                    self._is_failing = False
            except SourceError as error:
                self._is_failing = True
                await self._inlet.note_own_failure(f"the old certificate is used still: {error}")


def _changed_at(files: Iterable[str]) -> list[int]:
    found: list[int] = []
    for file in files:
        try:
            found.append(Path(file).stat().st_mtime_ns)
        except OSError:
            found.append(0)
    return found
