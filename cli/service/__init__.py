"""`tocsin service`."""
