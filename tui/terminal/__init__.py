"""The terminal line: repaints, overlays and keys; the only use of private parts of Textual."""
