"""Worker: seals deliveries, sends them, decides on their outcomes and records them."""
