"""What the net loses when the maps of filters are replaced, and the estimate of it from gradients."""
