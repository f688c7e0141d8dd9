"""Events in the store: their keys, adding them, reading them, times that count otherwise."""
