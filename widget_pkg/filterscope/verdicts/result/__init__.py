"""A diagnosis: the verdicts as data, in words and as tables."""
