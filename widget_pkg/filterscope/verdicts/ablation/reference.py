"""What the intact net says to a batch, which an ablated net is held against."""

from __future__ import annotations

import numpy as np
import torch


class Reference:
    """The intact net's output for a batch, without the images that have no label or no finite loss.

    Args:
        output: Its log-probabilities `(N, K)`.
        labels: Class numbers `(N,)`, -1 for none; without labels those that the net predicts.
        labelled: Whether they are labels.

    Attributes:
        labels: The class numbers of the images that count, `(M,)`.
        rows: Which images of the batch these are `(M,)`.
    """

    def __init__(self, output: torch.Tensor, labels: np.ndarray, labelled: bool) -> None:
        losses = output.gather(1, torch.from_numpy(np.maximum(labels, 0)).to(output.device)[:, None])[:, 0]
        rows = np.flatnonzero((labels >= 0) & torch.isfinite(losses).cpu().numpy())
        self.labels: np.ndarray = labels[rows]
        self.rows: np.ndarray = rows
        self._rows = torch.from_numpy(rows).to(output.device)
        self._chosen = torch.from_numpy(self.labels).to(output.device)
        self._output, self._labelled = output[self._rows], labelled

    def rises(self, ablated: torch.Tensor | None) -> np.ndarray:
        """By how much each image's loss rose; without labels the divergence of the output from the intact one.

        Args:
            ablated: Log-probabilities of the ablated net `(N, K)`; None where it gave none.

        Returns:
            float64 `(M,)`, in nats; NaN where there is no finite loss.
        """
        if ablated is None:
            return np.full(len(self.labels), np.nan)
        before, after = self._output, ablated[self._rows]
        if self._labelled:
            column = self._chosen[:, None]
            rises = (before.gather(1, column) - after.gather(1, column))[:, 0]
        else:
            rises = (before.exp() * (before - after)).sum(1)
        numbers: np.ndarray = rises.cpu().double().numpy()
        return numbers
