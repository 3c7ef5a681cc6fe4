"""Products and factors of matrices, computed by torch: a fork in another thread leaves them to end.

NumPy's and SciPy's linear algebra is OpenBLAS, which ends its own threads whenever the process forks. If another thread
waits for them at that moment, it waits for ever. Training in a notebook forks at each epoch, for the workers of its
`DataLoader`, and verdicts are found beside it: a diagnosis never ended in 9 of 9 tries. What torch computes with (MKL
or OpenBLAS over OpenMP) has no such handler. `tests/host/test_forks.py` lists what no module may call for that reason.
"""

from __future__ import annotations

import numpy as np
import torch


def product(first: np.ndarray, *others: np.ndarray) -> np.ndarray:
    """The product of matrices from left to right, `(..., A, B) · (..., B, C) · …`; the leading axes broadcast.

    Args:
        first: Of any float dtype; what the others need is NumPy's rule.
        others: The factors to its right.
    """
    dtype = np.result_type(first, *others)
    result = _tensor(first, dtype)
    with _exact():
        for other in others:
            result = torch.matmul(result, _tensor(other, dtype))
    array: np.ndarray = result.numpy()
    return array


def eigh(symmetric: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues `(..., A)`, ascending, and eigenvectors `(..., A, A)`, in columns, of symmetric matrices.

    Raises:
        torch.linalg.LinAlgError: If a matrix is not finite.
    """
    with _exact():
        values, vectors = torch.linalg.eigh(_tensor(symmetric, symmetric.dtype))
    return values.numpy(), vectors.numpy()


def eigenvalues(symmetric: np.ndarray) -> np.ndarray:
    """Eigenvalues `(..., A)`, ascending, of symmetric matrices.

    Raises:
        torch.linalg.LinAlgError: If a matrix is not finite.
    """
    with _exact():
        values: np.ndarray = torch.linalg.eigvalsh(_tensor(symmetric, symmetric.dtype)).numpy()
    return values


def cholesky(symmetric: np.ndarray) -> np.ndarray:
    """The lower triangle `(..., A, A)` whose product with its transpose is a positive definite matrix.

    Raises:
        torch.linalg.LinAlgError: If a matrix is not positive definite.
    """
    with _exact():
        lower: np.ndarray = torch.linalg.cholesky(_tensor(symmetric, symmetric.dtype)).numpy()
    return lower


def solve_lower(lower: np.ndarray, right: np.ndarray) -> np.ndarray:
    """What a lower triangle `(..., A, A)` turns into `right`, `(..., A, B)`; the leading axes broadcast."""
    with _exact():
        solution = torch.linalg.solve_triangular(_tensor(lower, lower.dtype), _tensor(right, lower.dtype), upper=False)
    array: np.ndarray = solution.numpy()
    return array


def qr(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Orthonormal columns `(A, B)` and the triangle `(B, B)` whose product is a matrix `(A, B)` of full rank."""
    with _exact():
        columns, triangle = torch.linalg.qr(_tensor(matrix, matrix.dtype))
    return columns.numpy(), triangle.numpy()


def _tensor(array: np.ndarray, dtype: np.dtype) -> torch.Tensor:
    return torch.from_numpy(np.require(array, dtype, "W"))  # of an array that is read-only torch makes no tensor


def _exact() -> torch.autocast:
    """In the precision of the arrays, also where the caller computes under `autocast`."""
    return torch.autocast("cpu", enabled=False)
