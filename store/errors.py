"""Errors of the store, each one sentence for the admin."""

from __future__ import annotations


class StoreError(Exception):
    """Root of the store's errors; `str()` is the sentence that the admin reads."""


class StoreUnavailable(StoreError):
    """The store cannot be opened, read or written: missing, foreign, newer, read-only, full."""


class StoreBusy(StoreUnavailable):
    """The store cannot be used now, and later it may be: its disk is full, or others lock it."""


class StoreLost(StoreUnavailable):
    """This process may use the store no more; another that is started now may."""


class StoreOvertaken(StoreLost):
    """A newer Tocsin has changed the store's schema while this process had it open."""


class StoreGone(StoreLost):
    """The store was replaced, deleted or cut: while this process had it open, or before."""


class WrongKey(StoreUnavailable):
    """The key file is missing or is not the one that this store was made with."""


class NotFound(StoreError):
    """No such webhook, delivery, event, source, host or broker."""


class Conflict(StoreError):
    """The thing exists, but its state does not allow the request."""


class MoreToDrop(Conflict):
    """More events would be given up than the admin confirmed."""
