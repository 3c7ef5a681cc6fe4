"""What each of torch's operations does to a footprint; a rule an operation."""
