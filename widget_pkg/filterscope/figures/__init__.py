"""Pictures that matplotlib draws: the still one, the live one, the grid for a paper."""
