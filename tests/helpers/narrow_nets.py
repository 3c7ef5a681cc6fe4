"""Small nets whose filters can be removed, each with something that makes it harder; and some where they cannot."""

import torch
import torch.nn.functional as F
from torch import nn


class Concatenated(nn.Module):
    """Two branches of which one is padded, concatenated, and a linear layer over all positions."""

    def __init__(self):
        super().__init__()
        self.left, self.right = nn.Conv2d(2, 5, 3, padding=1), nn.Conv2d(2, 4, 1)
        self.norm, self.after = nn.BatchNorm2d(9), nn.Conv2d(9, 6, 3, padding=1, bias=False)
        self.pool, self.fc = nn.AvgPool2d(2), nn.Linear(6 * 16, 3)

    def forward(self, x):
        x = F.relu(self.norm(torch.cat([self.left(x), self.right(x)], 1)))
        return self.fc(self.pool(F.relu(self.after(x))).flatten(1))


class Residual(nn.Module):
    """A residual block whose stem, branch and shortcut are added; a scale a channel; no pad behind it."""

    def __init__(self):
        super().__init__()
        self.stem, self.bn = nn.Conv2d(2, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6)
        self.inner, self.outer = nn.Conv2d(6, 5, 1), nn.Conv2d(5, 6, 3, padding=1)
        self.scale = nn.Parameter(torch.rand(6, 1, 1) + 0.5)
        self.last, self.bn_last = nn.Conv2d(6, 4, 1, bias=False), nn.BatchNorm2d(4)
        self.fc = nn.Linear(4, 3)

    def forward(self, x):
        x = F.relu(self.bn(self.stem(x)))
        x = x + self.scale * self.outer(F.relu(self.inner(x)))
        return self.fc(F.relu(self.bn_last(self.last(x))).mean((2, 3)))


class Depthwise(nn.Module):
    """Expansion, depthwise, squeeze and excitation, projection; and a grouped convolution of two channels a group."""

    def __init__(self):
        super().__init__()
        self.expand, self.depthwise = nn.Conv2d(2, 6, 1), nn.Conv2d(6, 6, 3, padding=1, groups=6)
        self.squeeze, self.excite = nn.Conv2d(6, 3, 1), nn.Conv2d(3, 6, 1)
        self.project, self.grouped = nn.Conv2d(6, 8, 1), nn.Conv2d(8, 8, 3, padding=1, groups=4)
        self.last = nn.Conv2d(8, 4, 1)
        self.fc = nn.Linear(4, 3)

    def forward(self, x):
        x = F.silu(self.depthwise(F.hardswish(self.expand(x))))
        x = x * torch.sigmoid(self.excite(F.relu(self.squeeze(x.mean((2, 3), keepdim=True)))))
        x = F.relu(self.grouped(F.relu(self.project(x))))
        return self.fc(F.relu(self.last(x)).mean((2, 3)))


class Transposed(nn.Module):
    """A strided convolution, a transposed one and an instance norm."""

    def __init__(self):
        super().__init__()
        self.down, self.up = nn.Conv2d(2, 5, 3, stride=2, padding=1), nn.ConvTranspose2d(5, 4, 2, stride=2)
        self.act, self.last, self.fc = nn.PReLU(4), nn.Conv2d(4, 4, 3), nn.Linear(4, 3)

    def forward(self, x):
        return self.fc(F.elu(self.last(self.act(self.up(F.relu(self.down(x)))))).amax((2, 3)))


class Fixed(nn.Module):
    """Its forward function has the number of channels in it."""

    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(2, 6, 3), nn.Linear(6 * 36, 3)

    def forward(self, x):
        return self.fc(F.relu(self.conv(x)).view(-1, 216))


class Tied(nn.Module):
    """One convolution runs twice."""

    def __init__(self):
        super().__init__()
        self.first, self.again, self.fc = nn.Conv2d(2, 4, 1), nn.Conv2d(4, 4, 3, padding=1), nn.Linear(4, 3)

    def forward(self, x):
        x = F.relu(self.again(F.relu(self.first(x))))
        return self.fc(F.relu(self.again(x)).mean((2, 3)))


class Computed(nn.Module):
    """Its kernels are computed from a parameter."""

    def __init__(self):
        super().__init__()
        self.conv = nn.utils.parametrizations.weight_norm(nn.Conv2d(2, 4, 3))
        self.fc = nn.Linear(4, 3)

    def forward(self, x):
        return self.fc(F.relu(self.conv(x)).mean((2, 3)))


class Normed(nn.Module):
    """A layer norm over channels."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.fc = nn.Conv2d(2, 4, 3), nn.LayerNorm(4), nn.Linear(4, 3)

    def forward(self, x):
        return self.fc(self.norm(self.conv(x).permute(0, 2, 3, 1)).mean((1, 2)))


class Halved(nn.Module):
    """Tells channels apart by their place: two halves, one of them mirrored."""

    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(2, 4, 3), nn.Linear(2, 3)

    def forward(self, x):
        first, second = F.relu(self.conv(x)).chunk(2, 1)
        return self.fc((first * second).mean((2, 3)))


CUT = {"concatenated": Concatenated, "residual": Residual, "depthwise": Depthwise, "transposed": Transposed}
REFUSED = {
    "tied": (Tied, "again", "several times"),
    "computed": (Computed, "conv", "computed"),
    "normed": (Normed, "conv", "layer_norm"),
    "halved": (Halved, "conv", "place"),
}


def alive(build, seed=0):
    """The net with random weights, and batch norms that know what they are given."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = build()
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.uniform_(module.weight, 0.5, 1.5)
                nn.init.normal_(module.bias, 0.3, 0.3)
        net.train()
        with torch.no_grad():
            for _ in range(20):
                net(torch.rand(16, 2, 8, 8))
    return net.eval()
