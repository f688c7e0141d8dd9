"""A store for what is served."""

from tests.store.conftest import store, store_path

__all__ = ["store", "store_path"]
