"""A net over its training, and beside another net: checkpoints, what changed, and which filter is which."""
