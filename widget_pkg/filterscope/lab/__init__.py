"""Trials: another kernel, another image, another geometry, and what comes of each."""
