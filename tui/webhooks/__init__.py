"""Admin › Webhooks: the list, and every action on webhooks."""
