"""The user's net: run on images, its convolutions listed and watched, and never changed. Knows no data set."""
