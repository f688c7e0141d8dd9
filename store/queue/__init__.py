"""The queue: events sealed into deliveries, their attempts, and what admins do to both."""
