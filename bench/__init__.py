"""Measurements of speed and size, each beside the floor of the same run: `python -m bench`."""
