"""State that all screens share: access to the store, the live report, undo, the worker."""
