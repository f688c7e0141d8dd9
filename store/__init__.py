"""The queue's memory: Peewee models on SQLite and every query of Tocsin, each with a name."""
