"""The worker: seals deliveries, sends them, decides what an outcome means and records it."""
