"""`tocsin event`."""
