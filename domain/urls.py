"""The URL of a webhook: checked, brought into the form that is sent, shortened, masked."""

from __future__ import annotations

import re
import unicodedata
from ipaddress import IPv4Address, IPv6Address

import msgspec

from domain.errors import FieldError
from domain.safe import DOTS, LONG_ENOUGH, has_dots

URL_LIMIT = 4096
"""Characters in a URL."""

_FORM = re.compile(r"(?i:(https?)://)([^/?#]*)([^?#]*)(\?[^#]*)?(#.*)?", re.DOTALL)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
_DOT_SEGMENT = re.compile(r"/\.\.?(/|$)")
_UNSAFE_IN_PATH = re.compile(r"""[^\x21-\x7e]|["<>`{}]|%(?![0-9A-Fa-f]{2})""")
_UNSAFE_IN_QUERY = re.compile(r"""[^\x21-\x7e]|["<>]|%(?![0-9A-Fa-f]{2})""")
_SHOWN = re.compile(r"((?:[A-Za-z][A-Za-z0-9+.-]*://)?)([^/?#]*)(/[^/?#]*)?(.*)", re.DOTALL)
_OTHER_STOPS = "\u3002\uff0e\uff61"
_DEFAULT_PORTS = {"http": 80, "https": 443}


class _Parts(msgspec.Struct, frozen=True):
    scheme: str
    host: str
    port: int | None
    path: str
    query: str

    @property
    def origin(self) -> str:
        port = "" if self.port is None else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}"


def check_url(text: str) -> str:
    """Return the URL as it will be used: host in ASCII, the rest percent-encoded.

    Raises FieldError.
    """
    parts = _parse("url", text)
    url = parts.origin + parts.path + parts.query
    if len(url) > URL_LIMIT:
        raise FieldError(
            "url",
            f"it has {len(url)} characters",
            f"shorten it to {URL_LIMIT} (letters beyond ASCII count as sent, percent-encoded)",
        )
    return url


def check_proxy(text: str) -> str:
    """Return the address of an HTTP proxy, "http://host:port". Raises FieldError."""
    parts = _parse("proxy", text)
    if parts.path not in ("", "/") or parts.query:
        raise FieldError("proxy", "it has a path", f"write {parts.origin}")
    return parts.origin


def receiver(url: str) -> str:
    """Return the URL for lists: "example.com/hook". The scheme is shown if it is http."""
    return mask_url(url).removeprefix("https://")


def mask_url(url: str) -> str:
    """Return scheme, host and the first part of the path, dots for what follows.

    A first part that is as long as a key is masked too. What is masked already stays as it is.
    """
    match = _SHOWN.fullmatch(url)
    if match is None:
        return DOTS
    scheme, authority, first, rest = match.groups(default="")
    start = scheme + authority.rpartition("@")[2]
    if len(first) > LONG_ENOUGH:  # with its slash
        return f"{start}/{DOTS}"
    if rest in ("", "/", "?"):
        return start + first + rest
    return f"{start}{first}{rest[0]}{DOTS}"


def is_masked_url(url: str) -> bool:
    """Return True for a URL in which dots stand for what is hidden; no other has them."""
    return has_dots(url)


def _parse(field: str, text: str) -> _Parts:
    text = text.strip(" ")
    if has_dots(text):
        reason = "it has the dots that stand for what is hidden"
        raise FieldError(field, reason, "write the whole URL")
    _check_characters(field, text)
    match = _FORM.fullmatch(text)
    if match is None:
        raise _not_a_url(field, text)
    scheme, authority, path, query, fragment = match.groups(default="")
    if fragment:
        raise FieldError(field, "it has a fragment, which is never sent", "leave out # and on")
    if _DOT_SEGMENT.search(path):
        raise FieldError(field, "its path has . or .. in it", "write the path that is meant")
    host, port_text = _split_authority(field, authority)
    port = _port(field, port_text) if port_text is not None else None
    return _Parts(
        scheme=scheme.lower(),
        host=_host(field, host),
        port=None if port == _DEFAULT_PORTS[scheme.lower()] else port,
        path=_UNSAFE_IN_PATH.sub(_percent_encoded, path),
        query=_UNSAFE_IN_QUERY.sub(_percent_encoded, query),
    )


def _check_characters(field: str, text: str) -> None:
    if not text:
        raise FieldError(field, "it is empty", "write it as https://example.com/path")
    if len(text) > URL_LIMIT:
        raise FieldError(field, f"it has {len(text)} characters", f"shorten it to {URL_LIMIT}")
    for character in text:
        if unicodedata.category(character)[0] in "CZ":
            reason = f"it has a blank, control or invisible character (U+{ord(character):04X})"
            raise FieldError(field, reason, "take it out, or write it as %20 where it is meant")
    if "\\" in text:
        raise FieldError(field, "it has a backslash", "write / or, where it is meant, %5C")


def _not_a_url(field: str, text: str) -> FieldError:
    scheme = _SCHEME.match(text)
    if scheme is not None:
        reason = f"{scheme[1].lower()} is not supported"
        return FieldError(field, reason, "write https:// or http://")
    return FieldError(field, "it has no scheme", "start it with https:// or http://")


def _split_authority(field: str, authority: str) -> tuple[str, str | None]:
    if "@" in authority:
        raise FieldError(
            field,
            "it has a user name or password in it",
            "take out all up to the @; a password goes into a header such as `Authorization`",
        )
    end_of_host = authority.rfind("]") + 1
    host, colon, port = authority[end_of_host:].partition(":")
    if ":" in port:
        cure = "write an IPv6 address in brackets, as in http://[fd00::1]:8080/"
        raise FieldError(field, "it has more than one colon after the host", cure)
    return authority[:end_of_host] + host, port if colon else None


def _port(field: str, text: str) -> int:
    if re.fullmatch(r"[0-9]{1,5}", text) and 1 <= int(text) <= 65535:
        return int(text)
    raise FieldError(
        field, f"{text!r} is not a port", "write a number from 1 to 65535, or no colon"
    )


def _host(field: str, host: str) -> str:
    if not host:
        raise FieldError(field, "it has no host", "write it as https://example.com/path")
    if host.startswith("[") or "]" in host:
        return _ipv6_host(field, host)
    _check_look_alikes(field, host)
    if host.endswith("."):
        raise FieldError(field, "its host ends in a dot", "leave out the last dot")
    if _NUMBER.fullmatch(host.rpartition(".")[2]):
        return _ipv4_host(field, host)
    return _named_host(field, host)


def _ipv6_host(field: str, host: str) -> str:
    if "%" in host:
        raise FieldError(
            field, "its address has a zone", "write an address that needs no zone (no %eth0)"
        )
    try:
        if not (host.startswith("[") and host.endswith("]")):
            raise ValueError
        return f"[{IPv6Address(host[1:-1])}]"
    except ValueError:
        cure = "write it as http://[fd00::1]:8080/"
        raise FieldError(field, f"{host!r} is not an IPv6 address", cure) from None


def _ipv4_host(field: str, host: str) -> str:
    """Check a host that ends in a number: some resolvers take it for an address."""
    try:
        return str(IPv4Address(host))
    except ValueError:
        meant = _odd_ipv4(host)
        cure = (
            f"write the address as {meant}" if meant else "write a name, or an address as 192.0.2.1"
        )
        raise FieldError(field, f"{host!r} is not a plain IPv4 address", cure) from None


def _odd_ipv4(host: str) -> IPv4Address | None:
    """Return the address that the C library reads in "127.1", "0x7f000001" or "017700000001"."""
    numbers = [_c_number(part) for part in host.split(".")]
    *leading, last = numbers
    if len(numbers) > 4 or any(number < 0 for number in numbers):
        return None
    if any(number > 255 for number in leading) or last >= 256 ** (4 - len(leading)):
        return None
    return IPv4Address(sum(n << 8 * (3 - index) for index, n in enumerate(leading)) + last)


def _c_number(text: str) -> int:
    """Read a decimal, octal or hexadecimal number as in C; -1 if it is none."""
    try:
        if text[:2].lower() == "0x":
            return int(text[2:] or "0", 16)
        return int(text, 8 if text.startswith("0") else 10)
    except ValueError:
        return -1


def _check_look_alikes(field: str, host: str) -> None:
    for character in host:
        plain = "." if character in _OTHER_STOPS else unicodedata.normalize("NFKC", character)
        if character > "\x7f" and plain.isascii():
            reason = (
                f"its host has {character!r} (U+{ord(character):04X}), which looks like {plain!r}"
            )
            raise FieldError(field, reason, f"write {plain!r}")


def _named_host(field: str, host: str) -> str:
    # httpx encodes names with this package; 4 ms to load, and most names don't need it.
    name = host.lower()
    if not name.isascii() or "xn--" in name:
        name = _idna_host(field, name)
    for label in name.split("."):
        if not _LABEL.fullmatch(label):
            reason = f"{label!r} in its host is empty, too long or has a character no name has"
            raise FieldError(field, reason, "write a host name such as siem.example.com")
    if len(name) > 253:
        raise FieldError(field, "its host is too long", "write a name of up to 253 characters")
    return name


def _idna_host(field: str, name: str) -> str:
    import idna

    try:
        ascii_name = idna.encode(name).decode("ascii")
        idna.decode(ascii_name)
    except (idna.IDNAError, UnicodeError) as error:
        cure = "check its spelling, or write a name in ASCII"
        raise FieldError(field, f"its host is no valid name ({error})", cure) from None
    return ascii_name


def _percent_encoded(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode())
