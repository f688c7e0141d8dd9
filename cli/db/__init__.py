"""`tocsin db`."""
