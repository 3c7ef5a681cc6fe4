"""A net and a data set: what was computed is kept, and dropped when it no longer holds."""
