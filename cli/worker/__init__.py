"""`tocsin worker`."""
