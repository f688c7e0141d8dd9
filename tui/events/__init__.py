"""Events: the list, the search, and one event."""
