"""Arrays from a file by its path: NumPy's `.npy` and `.npz`, and HDF5."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

_HDF5 = (".h5", ".hdf5", ".he5", ".hdf")


def open_arrays(path: str | os.PathLike[str]) -> Any:
    """The array in a file, or its arrays by name; None where the path is none of such a file.

    Rows of `.npy` and HDF5 are read when they are needed; an `.npz` is packed, so that its arrays are read at once.

    Args:
        path: A path.

    Raises:
        ImportError: If it is an HDF5 file and h5py is not installed.
        ValueError: If the file cannot be read.
    """
    name = os.path.expanduser(os.fspath(path))
    end = os.path.splitext(name)[1].lower()
    if end not in (".npy", ".npz", *_HDF5) or not os.path.isfile(name):
        return None
    try:
        if end == ".npy":
            return np.load(name, mmap_mode="r")
        if end == ".npz":
            with np.load(name) as arrays:
                return {key: arrays[key] for key in arrays.files}
        import h5py  # type: ignore[import-not-found, unused-ignore]
    except ImportError as error:
        raise ImportError(
            f"the data set is the HDF5 file {os.fspath(path)!r}, which needs h5py to be read; install h5py, or give "
            "its arrays as (images, labels)"
        ) from error
    except Exception as error:
        raise ValueError(f"the file {os.fspath(path)} cannot be read: {error}") from error
    try:
        return h5py.File(name, "r")
    except Exception as error:
        raise ValueError(f"the file {os.fspath(path)} cannot be read: {error}") from error
