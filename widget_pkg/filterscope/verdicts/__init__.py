"""Useful, or random noise? A verdict for every filter, with its evidence; knows no widget.

Structure comes from the weights alone (`weights`). The rest comes from images: `run.examination` takes them in batch by
batch, `activations` judges the sums, and `ablation` measures what the net loses without a filter. `result` makes a
diagnosis of all that. `run.diagnose` is the door.
"""
