"""Requests over HTTP: the server of a source, its bounds, and `POST /events`."""
