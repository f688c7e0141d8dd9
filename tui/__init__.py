"""The terminal's screens: they read the state, ask for actions, and own no truth."""
