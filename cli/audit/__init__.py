"""`tocsin audit`."""
