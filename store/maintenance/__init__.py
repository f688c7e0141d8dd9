"""Maintenance of a whole store: backup and restore, checks, retention, a new key."""
