"""Nets that give two images in one pass something else than each alone, and others that only look like it."""

import torch
from torch import nn
from torch.nn import functional as F

from dynamic_nets import Classifies
from nets import Everything, TwoConvs


class Base(nn.Module):
    """Scores of three classes from a convolution; `maps` is what the kinds change."""

    def __init__(self):
        super().__init__()
        self.conv, self.head = nn.Conv2d(1, 4, 3), nn.Linear(4, 3)

    def maps(self, x):
        return torch.relu(self.conv(x))

    def forward(self, x):
        return self.head(4 * self.maps(x).mean((2, 3)))


class BatchStatistics(Base):
    """Batch norm without running statistics."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(4, track_running_stats=False)

    def maps(self, x):
        return torch.relu(self.norm(self.conv(x)))


class Contrast(Base):
    """Normalises its input over all that it is given."""

    def maps(self, x):
        return super().maps((x - x.mean()) / x.std())


class FixedView(Base):
    """Written for one image: two raise."""

    def forward(self, x):
        return self.head(self.maps(x).mean((2, 3)).view(1, 4))


class OnlyTheFirst(Base):
    """Looks at the first image and says the same of all, without a batch axis on the way."""

    def maps(self, x):
        return torch.relu(self.conv(x[0]))[None].expand(len(x), -1, -1, -1)


class Attends(Base):
    """Attention along what it takes for a sequence: the batch."""

    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(4, 1)

    def forward(self, x):
        tokens = self.maps(x).mean((2, 3))[:, None]
        return self.head(self.attention(tokens, tokens, tokens)[0][:, 0])


class Neighbours(Base):
    """Each image gets a part of the one before it, as where clips are shifted along time."""

    def maps(self, x):
        maps = super().maps(x)
        return maps + torch.cat([torch.zeros_like(maps[:1]), maps[:-1]])


class Reversed(Base):
    """Gives the scores in the other order."""

    def forward(self, x):
        return super().forward(x).flip(0)


class Share(Base):
    """Divides by how many images there are."""

    def forward(self, x):
        return super().forward(x) / len(x)


class TakesAWay(Base):
    """Bright batches skip a layer."""

    def __init__(self):
        super().__init__()
        self.more = nn.Conv2d(4, 4, 3)

    def maps(self, x):
        maps = super().maps(x)
        return torch.relu(self.more(maps)) if x.mean() < 0.5 else maps


class OneByOne(Base):
    """Runs its convolution for each image by itself."""

    def maps(self, x):
        return torch.cat([super(OneByOne, self).maps(image[None]) for image in x])


DEPENDENT = {
    net.__name__: net
    for net in [
        *(BatchStatistics, Contrast, FixedView, OnlyTheFirst, Attends, Neighbours, Reversed, Share, TakesAWay),
        *(OneByOne, Classifies),
    ]
}


class Crops(Base):
    """Makes a batch of four pieces of each image, piece by piece or image by image."""

    def __init__(self, by_piece=False):
        super().__init__()
        self.by_piece = by_piece

    def forward(self, x):
        pieces = torch.stack(
            [x[..., :8, :8], x[..., 4:, 4:], x[..., :8, 4:], x[..., 4:, :8]], 0 if self.by_piece else 1
        )
        maps = self.maps(pieces.flatten(0, 1))
        scores = self.head(maps.mean((2, 3)))
        return scores.view(4, -1, 3).mean(0) if self.by_piece else scores.view(-1, 4, 3).mean(1)


class Normed(Base):
    """Norms of each image alone, running statistics, attention within the image."""

    def __init__(self):
        super().__init__()
        self.norms = nn.Sequential(nn.InstanceNorm2d(4), nn.GroupNorm(2, 4), nn.BatchNorm2d(4))
        self.attention = nn.MultiheadAttention(4, 1, batch_first=True)

    def maps(self, x):
        maps = torch.relu(self.norms(self.conv(x)))
        tokens = maps.flatten(2).transpose(1, 2)
        return self.attention(tokens, tokens, tokens)[0].transpose(1, 2).reshape(maps.shape)


def deep():
    """Thirty convolutions."""
    layers = [module for _ in range(30) for module in (nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())]
    return nn.Sequential(nn.Conv2d(1, 8, 3), *layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3))


class Maps(nn.Module):
    """No score a class."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)

    def forward(self, x):
        return {"boxes": self.conv(x), "count": F.relu(x).sum()}


INDEPENDENT = {
    "TwoConvs": TwoConvs,
    "Everything": Everything,
    "Crops": Crops,
    "Crops by piece": lambda: Crops(by_piece=True),
    "Normed": Normed,
    "deep": deep,
    "deep, double": lambda: deep().double(),
    "deep, bfloat16": lambda: deep().to(torch.bfloat16),
    "no scores": Maps,
}
