"""How a diagnosis is made: over which images, in which order, at once or in the background."""
