"""TLS contexts, made once for each set of certificate authorities."""

from __future__ import annotations

import os
import ssl
from functools import lru_cache

import certifi


class CaFileError(OSError):
    """A webhook's CA file cannot be used."""


def ssl_context(ca_file: str | None = None) -> ssl.SSLContext:
    """A context that verifies receivers against a PEM file, or against the system's authorities.

    A given file replaces the system's authorities; it is read again when it has changed. Neither
    SSL_CERT_FILE nor SSL_CERT_DIR is looked at. Raises CaFileError.
    """
    if ca_file is None:
        return _system_context()
    try:
        facts = os.stat(ca_file)
        return _file_context(ca_file, facts.st_mtime_ns, facts.st_size, facts.st_ino)
    except ssl.SSLError as error:
        raise CaFileError(f"the CA file {ca_file} holds no PEM certificate") from error
    except OSError as error:
        raise CaFileError(f"cannot read the CA file {ca_file}: {error.strerror}") from error


@lru_cache(maxsize=1)
def _system_context() -> ssl.SSLContext:
    context = _bare_context()
    paths = ssl.get_default_verify_paths()
    cafile = paths.openssl_cafile if os.path.isfile(paths.openssl_cafile) else None
    capath = paths.openssl_capath if _holds_files(paths.openssl_capath) else None
    if cafile is None and capath is None:
        cafile = certifi.where()
    context.load_verify_locations(cafile, capath)
    return context


@lru_cache(maxsize=64)
def _file_context(ca_file: str, *_identity: int) -> ssl.SSLContext:
    context = _bare_context()
    context.load_verify_locations(ca_file)
    return context


def _bare_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _holds_files(folder: str) -> bool:
    try:
        with os.scandir(folder) as entries:
            return next(entries, None) is not None
    except OSError:
        return False
