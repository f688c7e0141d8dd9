"""Admin › Sources: the list, its forms, hosts, and events that were refused."""
