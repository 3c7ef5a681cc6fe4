"""Anything that yields images, read one `Sample` at a time. Knows no net."""
