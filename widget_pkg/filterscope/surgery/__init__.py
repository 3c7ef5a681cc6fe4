"""A smaller net from what a diagnosis found: which filters can go, what that costs, and the net without them."""
