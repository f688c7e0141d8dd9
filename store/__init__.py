"""The store: Peewee models on SQLite, and every query of Tocsin as a named function."""
