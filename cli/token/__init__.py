"""`tocsin token`."""
