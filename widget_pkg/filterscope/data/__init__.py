"""Reads a `Sample` at a time from anything that yields images. Knows no net."""
