"""`tocsin webhook`."""
