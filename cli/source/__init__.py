"""`tocsin source`."""
