"""`tocsin config`."""
