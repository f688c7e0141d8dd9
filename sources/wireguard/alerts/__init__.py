"""The alerts that two looks at a host give rise to."""
