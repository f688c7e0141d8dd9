"""Pure knowledge, without I/O: events, webhook fields, settings, times, ids."""
