"""Useful, or random noise? A verdict for every filter, with its evidence; knows no widget.

Structure comes from the weights alone (`weights`). The rest comes from images (`sampling`): `activations` has the sums
of what filters do on them, `ablation` what the net loses without a filter, `batch_sums` what one batch gave,
`examination` all sums together. `axes` has the questions that a verdict answers from these, one module each; `result`
makes a diagnosis of the answers. `run` looks at images and ablates, here, on an executor or in the background;
`run.diagnose` is the door.
"""
