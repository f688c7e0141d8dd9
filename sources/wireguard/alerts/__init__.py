"""Alerts that follow from two polls of a host."""
