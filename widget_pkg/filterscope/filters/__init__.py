"""The arithmetic of one filter: arrays in, arrays out. Holds nothing."""
