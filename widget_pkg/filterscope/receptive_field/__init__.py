"""Finds which pixels of the image each position of a map sees: index maps, joined along the operations of a pass."""
