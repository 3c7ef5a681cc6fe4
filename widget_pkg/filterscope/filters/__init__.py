"""The arithmetic of one filter: arrays in, arrays out, without a state."""
