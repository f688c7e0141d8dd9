"""Measurements of the screen: start, keys, bytes written, and the cost of standing open."""
