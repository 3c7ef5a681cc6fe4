"""What the notebook does to us: its cells, its threads, its end, and every waiting time. Imports nothing of ours."""
