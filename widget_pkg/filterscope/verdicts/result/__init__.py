"""What was found, as data, words and tables."""
