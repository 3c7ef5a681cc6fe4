"""Somebody's net: run on images, its convolutions listed and watched, and left as it came. Knows no data set."""
