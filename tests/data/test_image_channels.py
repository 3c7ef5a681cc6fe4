"""The channels of the images, told from the net's convolutions."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from filterscope import Explorer
from nets import images, seeded


class HeadFirst(nn.Module):
    """Defines its convolutions in another order than it runs them."""

    def __init__(self):
        super().__init__()
        self.head = nn.Conv2d(8, 5, 1)
        self.body = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return self.head(self.body(x))


class Functional(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(3, 1, 1))
        self.kernels = nn.Parameter(torch.ones(4, 3, 3, 3))

    def forward(self, x):
        return F.conv2d(x * self.scale, self.kernels)


class SignalsOfImages(nn.Module):
    def __init__(self):
        super().__init__()
        self.mix = nn.Conv1d(4, 2, 1)
        self.conv = nn.Conv2d(1, 4, 3)

    def forward(self, x):
        return self.mix(self.conv(x).flatten(2))


class Autoencoder(nn.Module):
    """Its convolutions give each other all that they take."""

    def __init__(self, channels):
        super().__init__()
        self.decoder = nn.ConvTranspose2d(8, channels, 3)
        self.encoder = nn.Conv2d(channels, 8, 3)

    def forward(self, x):
        return self.decoder(self.encoder(x))


@pytest.mark.parametrize(
    ("make", "shape", "count", "image"),
    [
        (HeadFirst, (3, 16, 20), 1, (3, 16, 20)),
        (HeadFirst, (16, 20, 3), 1, (3, 16, 20)),
        (HeadFirst, (5, 8, 16, 3), 5, (3, 8, 16)),
        (HeadFirst, (8, 3, 16, 20), 8, (3, 16, 20)),
        (Functional, (3, 16, 20), 1, (3, 16, 20)),
        (Functional, (4, 16, 20, 3), 4, (3, 16, 20)),
        (SignalsOfImages, (5, 1, 16, 20), 5, (1, 16, 20)),
        (SignalsOfImages, (5, 16, 20), 5, (1, 16, 20)),
        (lambda: Autoencoder(3), (3, 16, 20), 1, (3, 16, 20)),
        (lambda: Autoencoder(3), (5, 16, 20, 3), 5, (3, 16, 20)),
        (lambda: nn.Sequential(nn.Conv2d(1, 16, 3), nn.Conv2d(16, 8, 3)), (16, 14, 14), 16, (1, 14, 14)),
    ],
)
def test_the_images_channels_are_those_that_no_convolution_gives(make, shape, count, image):
    data = images(*shape).numpy()
    explorer = Explorer(seeded(make), data)
    assert (len(explorer.session.engine.source), explorer.image.shape) == (count, image)
    listed = Explorer(seeded(make), list(data) if count > 1 else [data])
    assert np.array_equal(listed.image, explorer.image)
