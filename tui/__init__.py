"""Screens of the terminal: they show what the store holds, and request its changes."""
