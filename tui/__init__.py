"""Screens of the terminal: they read the state, ask for actions, and own no truth."""
