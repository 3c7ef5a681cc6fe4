"""Pictures that matplotlib draws: the PNG, the live one, the grid for a paper."""
