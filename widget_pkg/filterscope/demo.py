"""A trained network and real images to look at, shipped with the package: no download, the same everywhere.

`fashion_net` is the small FashionMNIST classifier of many a first CNN course, with a checkpoint of every epoch of its
training; `fashion_test_data` are the 10,000 test images, exactly as published. How the net was trained, and how well
it does, stands in its card, `models/README.md` of the source checkout.

Example:
    >>> from filterscope.demo import fashion_net, fashion_test_data
    >>> net, test_data = fashion_net(), fashion_test_data()
    >>> image, label = test_data[0]
    >>> test_data.classes[label], test_data.classes[int(net(image[None]).argmax())]
    ('Ankle boot', 'Ankle boot')
"""

from __future__ import annotations

import gzip
import operator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import Dataset

__all__ = ["FashionNet", "FashionTestData", "fashion_net", "fashion_test_data"]

_PACKAGE = Path(__file__).resolve().parent
_TEST_FILES = _PACKAGE / "demo_files" / "fashion_mnist"

# An installed wheel carries the checkpoints among its own files. In an editable install this file is the checkout's,
# where they lie beside the script that trains them (pyproject.toml's force-include copies them into the wheel).
_CHECKPOINT_FOLDERS = (_PACKAGE / "demo_files" / "fashion_net", _PACKAGE.parents[1] / "models" / "fashion_net")

_CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)


class FashionNet(nn.Module):
    """The demo network: two convolutions and two linear layers for 28×28 gray images of clothes.

    The layers are `conv1` (1→10, 3×3), `pool` (2×2, used after each convolution), `conv2` (10→20, 3×3), `fc1`
    (500→50), `fc1_drop` (p = 0.4) and `fc2` (50→10). A new instance has random weights; `fashion_net` gives the
    trained ones.

    Example:
        >>> FashionNet()(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 10])
    """

    def __init__(self) -> None:
        """Make the layers, with PyTorch's random start weights."""
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, 3)
        self.pool = nn.MaxPool2d(2, 2)
        self.conv2 = nn.Conv2d(10, 20, 3)
        self.fc1 = nn.Linear(20 * 5 * 5, 50)
        self.fc1_drop = nn.Dropout(p=0.4)
        self.fc2 = nn.Linear(50, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Score each image for each of the ten classes.

        Args:
            x: float32 `(N, 1, 28, 28)`, gray values in [0, 1] as `ToTensor()` makes them, not normalised further.

        Returns:
            float32 `(N, 10)`: logits (no softmax), in the order of `FashionTestData.classes`.
        """
        x = self.pool(F.relu(self.conv1(x)))  # (N, 10, 26, 26) -> (N, 10, 13, 13)
        x = self.pool(F.relu(self.conv2(x)))  # (N, 20, 11, 11) -> (N, 20, 5, 5)
        x = x.flatten(1)
        x = self.fc1_drop(F.relu(self.fc1(x)))
        logits: torch.Tensor = self.fc2(x)
        return logits


class FashionTestData(Dataset[tuple[torch.Tensor, int]]):
    """The 10,000 test images of FashionMNIST with their labels, read from the two files as they were published.

    `data[i]` is `(image, label)`: a new float32 tensor `(1, 28, 28)` in [0, 1], equal bit for bit to what
    `torchvision.datasets.FashionMNIST(train=False, transform=ToTensor())` gives, and an `int` from 0 to 9.

    Attributes:
        classes: The ten class names; `classes[label]` names a label.
        images: uint8 `(10000, 28, 28)`, the gray values as published.
        labels: uint8 `(10000,)`, the label of each image.

    Example:
        >>> data = FashionTestData()
        >>> image, label = data[0]
        >>> len(data), tuple(image.shape), image.dtype, data.classes[label]
        (10000, (1, 28, 28), torch.float32, 'Ankle boot')
    """

    def __init__(self) -> None:
        """Read images and labels (8 MB in memory, a tenth of a second).

        Raises:
            FileNotFoundError: The package's data files are missing.
        """
        self.classes: list[str] = list(_CLASSES)
        self.images = read_idx(_TEST_FILES / "t10k-images-idx3-ubyte.gz")
        self.labels = read_idx(_TEST_FILES / "t10k-labels-idx1-ubyte.gz")

    def __len__(self) -> int:
        """Return the number of images, 10,000."""
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        """Return one image and its label.

        Args:
            index: 0 … 9999. Negative indices are refused: an index names one image, in one way.

        Returns:
            The image, float32 `(1, 28, 28)` in [0, 1], and its label, an `int` from 0 to 9.

        Raises:
            IndexError: The index is out of range.
            TypeError: The index is not an integer.
        """
        position = operator.index(index)
        if not 0 <= position < len(self):
            raise IndexError(f"image {position} is out of range: FashionMNIST's test images are 0 … {len(self) - 1}")
        return images_to_tensor(self.images[position]), int(self.labels[position])

    def __getitems__(self, indices: list[int]) -> list[tuple[torch.Tensor, int]]:
        """Return several images and labels at once, as torch's loaders ask for them.

        Args:
            indices: As for a single image.

        Returns:
            What each of these indices gives alone.

        Raises:
            IndexError: An index is out of range.
            TypeError: An index is not an integer.
        """
        if any(not 0 <= operator.index(index) < len(self) for index in indices):
            return [self[index] for index in indices]  # which raises for that one
        images = images_to_tensor(self.images[indices])
        return list(zip(images.unbind(0), self.labels[indices].tolist(), strict=True))


def fashion_test_data() -> FashionTestData:
    """Return the 10,000 FashionMNIST test images as a data set.

    Returns:
        A torch `Dataset` of `(image, label)`: float32 `(1, 28, 28)` in [0, 1] and an `int` from 0 to 9; `.classes` has
        the ten names.

    Raises:
        FileNotFoundError: The package's data files are missing.

    Example:
        >>> test_data = fashion_test_data()
        >>> len(test_data), test_data.classes[:3]
        (10000, ['T-shirt/top', 'Trouser', 'Pullover'])
    """
    return FashionTestData()


def fashion_net(epoch: int | None = None) -> FashionNet:
    """Return the demo network with its trained weights, or as it was after any epoch of its training.

    Args:
        epoch: Which checkpoint: 0 is the untrained network, with the random weights the training started from; `None`
            is the last epoch.

    Returns:
        A new `FashionNet` on the CPU, float32, in eval mode, its parameters requiring gradients as in any new net.
        PyTorch's random state is not touched.

    Raises:
        ValueError: There is no checkpoint of that epoch; the message names those there are.
        FileNotFoundError: The package's checkpoints are missing.

    Example:
        >>> image, label = fashion_test_data()[0]
        >>> trained, untrained = fashion_net(), fashion_net(epoch=0)
        >>> trained(image[None]).softmax(1)[0, label] > 0.9, untrained(image[None]).softmax(1)[0, label] > 0.9
        (tensor(True), tensor(False))
    """
    checkpoints = _checkpoints()
    chosen = max(checkpoints) if epoch is None else epoch
    if chosen not in checkpoints:
        raise ValueError(
            f"no checkpoint of epoch {epoch!r}: choose {min(checkpoints)} (untrained) … {max(checkpoints)} (the last), "
            "or None for the last"
        )
    # Made without memory, then given the checkpoint's tensors: no random start weights are drawn, so that the
    # caller's random state, and with it their experiment, stays as it is.
    with torch.device("meta"):
        net = FashionNet()
    net.load_state_dict(torch.load(checkpoints[chosen], map_location="cpu", weights_only=True), assign=True)
    return net.eval()


def images_to_tensor(images: npt.NDArray[np.uint8]) -> torch.Tensor:
    """Turn gray images into what the network is given, as `torchvision.transforms.ToTensor` does.

    Args:
        images: uint8, `(28, 28)` or `(N, 28, 28)`.

    Returns:
        A new float32 tensor in [0, 1], `(1, 28, 28)` or `(N, 1, 28, 28)`.
    """
    return torch.from_numpy(images).to(torch.float32).div(255).unsqueeze(-3)


def read_idx(path: Path) -> npt.NDArray[np.uint8]:
    """Read a gzipped IDX file, the format in which FashionMNIST is published.

    Args:
        path: The `….gz` file.

    Returns:
        A writable uint8 array of the shape that the file states.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is not a whole IDX file of unsigned bytes.
    """
    if not path.is_file():
        raise FileNotFoundError(f"FashionMNIST's {path.name} is missing: expected in {path.parent}")
    content = gzip.decompress(path.read_bytes())
    # The header: two zeros, the type (8 = unsigned byte), the number of dimensions, then each size as big-endian int32.
    if content[:3] != b"\x00\x00\x08":
        raise ValueError(f"{path} is not an IDX file of unsigned bytes")
    rank = content[3]
    shape = tuple(int(size) for size in np.frombuffer(content, dtype=">i4", count=rank, offset=4))
    values = np.frombuffer(content, dtype=np.uint8, offset=4 + 4 * rank)
    if values.size != np.prod(shape):
        raise ValueError(f"{path} states the shape {shape} and holds {values.size} values")
    array: npt.NDArray[np.uint8] = values.reshape(shape).copy()
    return array


def _checkpoints() -> dict[int, Path]:
    """Return the checkpoint file of each epoch."""
    for folder in _CHECKPOINT_FOLDERS:
        checkpoints = {int(path.stem.removeprefix("epoch_")): path for path in folder.glob("epoch_[0-9][0-9].pt")}
        if checkpoints:
            return checkpoints
    looked_in = " and ".join(str(folder) for folder in _CHECKPOINT_FOLDERS)
    raise FileNotFoundError(
        f"the demo network's checkpoints (epoch_00.pt …) are missing: looked in {looked_in}. "
        "Reinstall filterscope, or make them with models/train.py of its source checkout"
    )
