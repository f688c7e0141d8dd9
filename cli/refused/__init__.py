"""`tocsin refused`."""
