"""Exceptions of an attempt in an admin's words, which contain no header's value and no body."""

from __future__ import annotations

import errno
import os
import re
import socket
import ssl
from collections.abc import Callable, Iterator

import httpx
import msgspec

from delivery.network import AddressRefused, CaFileError
from domain.safe import plain_bytes, safe
from domain.times import format_duration

_LIMIT = 300
_NO_TEXT = re.compile(r"illegal request line|illegal status line: bytearray\(b.\\x")
"""h11's words for a first byte that begins no line of text."""

_OWN_AUTHORITY = frozenset({18, 19, 20, 21})  # X509_V_ERR_*: self-signed, or issuer unknown
_NOT_TLS = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"})
_UNREACHABLE = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN})
_NAME_SERVER_SILENT = "the name server did not answer"

_NO_NAME = frozenset(
    code for code in (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", None)) if code is not None
)


class RequestFacts(msgspec.Struct, frozen=True):
    """Facts of a request on which the words for its failure depend."""

    secure: bool
    host: str
    connect_timeout_ms: int


def describe(error: Exception, request: RequestFacts) -> tuple[str, str]:
    """Return the class name of the most specific exception in the chain, and its plain words."""
    chain = list(_chain(error))
    for kind, words in _WORDS:
        for link in reversed(chain):
            if isinstance(link, kind):
                return _kind(link), safe(words(link, request), _LIMIT)
    single = next((link for link in chain if not isinstance(link, BaseExceptionGroup)), error)
    return _kind(single), safe(str(single) or type(single).__name__, _LIMIT)


def _kind(error: BaseException) -> str:
    """Return the name of its class, or a name of ours where a class means several things."""
    if isinstance(error, httpx.RemoteProtocolError):
        return "ConnectionClosed" if _is_closing(error) else "NoHttpAnswer"
    if isinstance(error, OSError) and error.errno in _UNREACHABLE:
        return "Unreachable"
    return type(error).__name__


def _is_closing(error: BaseException) -> bool:
    return "disconnected" in str(error)


def deadline_passed(timeout_ms: int) -> tuple[str, str]:
    """Return kind and words for an exchange that was cut off by its deadline."""
    return "TimeoutError", f"deadline of {format_duration(timeout_ms)} passed"


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        if isinstance(following, BaseExceptionGroup):
            following = following.exceptions[0]
        else:
            following = following.__cause__ or following.__context__


def _plain(error: BaseException, _: RequestFacts) -> str:
    return str(error)


def _certificate(error: BaseException, _: RequestFacts) -> str:
    text = getattr(error, "verify_message", "") or "certificate not accepted"
    if getattr(error, "verify_code", 0) in _OWN_AUTHORITY:
        text += "; if it is your own authority's, give the webhook its CA file"
    return f"TLS: {text}"


def _tls(error: BaseException, _: RequestFacts) -> str:
    reason = getattr(error, "reason", None) or "the connection ended in the handshake"
    if reason in _NOT_TLS:
        return "TLS: the receiver does not speak TLS on this port; is it an http:// one?"
    return f"TLS: {reason.replace('_', ' ').lower()}"


def _name(error: BaseException, request: RequestFacts) -> str:
    code = getattr(error, "errno", None)
    if code == socket.EAI_AGAIN:
        return f"{_NAME_SERVER_SILENT} for {request.host}"
    if code in _NO_NAME:
        return f"name not found: {request.host}"
    return f"name lookup of {request.host} failed: {getattr(error, 'strerror', '')}"


def _reset(_: BaseException, request: RequestFacts) -> str:
    return f"connection reset by the receiver{_tls_hint(request)}"


def _network(error: BaseException, _: RequestFacts) -> str:
    code = getattr(error, "errno", None)
    if code == errno.ECONNREFUSED:
        return "connection refused"
    return os.strerror(code).lower() if code else str(error) or type(error).__name__


def _no_connection(error: BaseException, request: RequestFacts) -> str:
    if str(error):
        return str(error)
    within = format_duration(request.connect_timeout_ms)
    return f"no TLS handshake within {within}; is this port TLS?"


def _remote(error: BaseException, request: RequestFacts) -> str:
    text = str(error)
    if _NO_TEXT.match(text):
        return f"not an HTTP answer: it does not begin with text{_tls_hint(request)}"
    if _is_closing(error):
        return f"the receiver closed the connection without an answer{_tls_hint(request)}"
    return f"not an HTTP answer: {plain_bytes(text)}"


def _local(_: BaseException, __: RequestFacts) -> str:
    return "this request is not valid HTTP: check the webhook's headers"


def _proxy(error: BaseException, _: RequestFacts) -> str:
    return f"the proxy answered {error}"


def _encoding(error: BaseException, _: RequestFacts) -> str:
    return f"the URL or a header cannot be sent: {type(error).__name__}"


def _url(error: BaseException, _: RequestFacts) -> str:
    return f"the URL cannot be used: {error}"


def _tls_hint(request: RequestFacts) -> str:
    return "" if request.secure else "; is this port TLS?"


# The most telling first: an outer exception of httpx often hides the one that says why.
_WORDS: tuple[tuple[type[BaseException], Callable[[BaseException, RequestFacts], str]], ...] = (
    (AddressRefused, _plain),
    (CaFileError, _plain),
    (ssl.SSLCertVerificationError, _certificate),
    (ssl.SSLError, _tls),
    (socket.gaierror, _name),
    (ConnectionResetError, _reset),
    (httpx.ProxyError, _proxy),
    (httpx.ConnectTimeout, _no_connection),
    (httpx.LocalProtocolError, _local),
    (httpx.RemoteProtocolError, _remote),
    (UnicodeError, _encoding),
    (httpx.InvalidURL, _url),
    (ConnectionRefusedError, _network),
    (OSError, _network),
)
