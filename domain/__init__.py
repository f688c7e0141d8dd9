"""Values and rules, without I/O: events, webhook fields, settings, times, ids."""
