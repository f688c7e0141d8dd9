"""`tocsin delivery`."""
