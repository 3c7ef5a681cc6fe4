"""What one explorer knows beside its widget: the selection, positions, the survey of a data set, verdicts."""
