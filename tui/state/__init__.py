"""What all screens share: the way to the store, the live report, undo, the worker thread."""
