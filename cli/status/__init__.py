"""`tocsin status`."""
