"""Deliveries: the list, one delivery, and every action on them."""
