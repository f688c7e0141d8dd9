"""What Tocsin knows without touching anything: events, webhook fields, times, ids. No I/O."""
