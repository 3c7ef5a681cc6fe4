"""What a filter's weights say: structured or noise-like, and which pattern."""
