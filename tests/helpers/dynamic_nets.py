"""Nets that make a convolution's kernels from the image, each with `kernels(x)`, which says what they are."""

import torch
from torch import nn
from torch.nn import functional as F

from nets import images

BRIGHTNESS = torch.tensor([0.2, 1.0, 3.0, 0.6, 1.7]).view(5, 1, 1, 1)
IMAGES = images(5, 1, 12, 12) * BRIGHTNESS


class Dynamic(nn.Module):
    """Four kernels of 3×3 from the image's mean, mixed of a bank; `forward` gives one map of each for each image."""

    def __init__(self):
        super().__init__()
        self.gate, self.bank = nn.Linear(1, 3), nn.Parameter(torch.randn(3, 4 * 9))

    def kernels(self, x):
        return (torch.tanh(4 * self.gate(x.mean((2, 3)))) @ self.bank).view(-1, 1, 3, 3)

    def forward(self, x):
        return F.conv2d(x, self.kernels(x))


class Conditional(Dynamic):
    """The images of a batch side by side as groups of one convolution, as EfficientNet-CondConv and StyleGAN2 do."""

    def forward(self, x):
        count, _, height, width = x.shape
        maps = F.conv2d(x.reshape(1, count, height, width), self.kernels(x), groups=count)
        return maps.view(count, 4, height - 2, width - 2)


class Attends(Dynamic):
    """Attention over kernels, as in DynamicConv; its bias is mixed too."""

    def __init__(self):
        super().__init__()
        self.biases = nn.Parameter(torch.randn(3, 4))

    def weights(self, x):
        return torch.softmax(8 * self.gate(x.mean((2, 3))), 1)[0]

    def kernels(self, x):
        return torch.einsum("e,eo->o", self.weights(x), self.bank).view(4, 1, 3, 3)

    def bias(self, x):
        return self.weights(x) @ self.biases

    def forward(self, x):
        return F.conv2d(x, self.kernels(x), self.bias(x), padding=1)


class DynamicBias(Attends):
    """The kernels of every image, with a bias of each."""

    def kernels(self, x):
        return self.bank[2].view(4, 1, 3, 3)


class Modulated(Dynamic):
    """A style from the image scales and demodulates the kernels of a parameter, as in StyleGAN2."""

    def kernels(self, x):
        style = 1 + self.gate(x.mean((2, 3)))[0, :1]
        scaled = self.bank[0].view(4, 1, 3, 3) * style
        return scaled * (scaled.square().sum((1, 2, 3), keepdim=True) + 0.1 * x.amax()).rsqrt()


class Template(nn.Module):
    """A piece of the image's own features is what they are searched for, as in Siamese trackers."""

    def __init__(self):
        super().__init__()
        self.features = nn.Conv2d(1, 3, 3)

    def kernels(self, x):
        return self.features(x[..., 3:9, 3:9]).transpose(0, 1).expand(3, 3, 4, 4)

    def forward(self, x):
        return F.conv2d(self.features(x), self.kernels(x))


class Buffered(Dynamic):
    """Writes the kernels into a buffer, which the next image's take the place of."""

    def __init__(self):
        super().__init__()
        self.register_buffer("scratch", torch.zeros(4, 1, 3, 3))

    def forward(self, x):
        self.scratch.copy_(self.kernels(x))
        return F.conv2d(x, self.scratch)


class ViewOfScratch(Dynamic):
    """The kernels are a part of a tensor that a plain attribute holds, written by index."""

    def __init__(self):
        super().__init__()
        self.scratch = torch.zeros(100)

    def forward(self, x):
        self.scratch[10:46] = self.kernels(x).flatten()
        return F.conv2d(x, self.scratch[10:46].view(4, 1, 3, 3))


class ScratchData(Buffered):
    """Writes them where torch's functions do not see it."""

    def forward(self, x):
        self.scratch.data.copy_(self.kernels(x))
        return F.conv2d(x, self.scratch)


class Remembers(Dynamic):
    """Keeps the kernels of the last image, and scales them after use."""

    def forward(self, x):
        self.last = self.kernels(x)
        maps = F.conv2d(x, self.last)
        self.last.mul_(0.5)
        return maps


class InNumpy(Dynamic):
    """Computes the kernels outside of torch."""

    def kernels(self, x):
        mean = x.detach().numpy().mean()
        return torch.from_numpy((self.bank[0].detach().numpy() * mean).reshape(4, 1, 3, 3))


class ByNumber(Dynamic):
    """What it takes of the image is a Python number."""

    def kernels(self, x):
        return self.bank[1].view(4, 1, 3, 3) * float(x.mean())


class HardGate(Dynamic):
    """Chooses one kernel bank or another."""

    def kernels(self, x):
        return self.bank[0 if x.mean() < 0.4 else 2].view(4, 1, 3, 3)


class ViewOfBuffer(Buffered):
    """Writes each kernel through a view."""

    def forward(self, x):
        for own, kernel in zip(self.scratch.unbind(), self.kernels(x), strict=True):
            own.copy_(kernel)
        return F.conv2d(x, self.scratch)


class Overwrites(Dynamic):
    """Writes the kernels into a convolution's own parameter."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, bias=False)

    def forward(self, x):
        self.conv.weight.data.copy_(self.kernels(x))
        return self.conv(x)


class NewParameter(Dynamic):
    """Gives a convolution other weights in each pass."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, bias=False)

    def forward(self, x):
        self.conv.weight = nn.Parameter(self.kernels(x))
        return self.conv(x)


class Called(Dynamic):
    """Calls a convolution with weights for this call alone."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, bias=False)

    def forward(self, x):
        return torch.func.functional_call(self.conv, {"weight": self.kernels(x)}, (x,))


class Transposed(Dynamic):
    """A transposed convolution of two channels to two."""

    def kernels(self, x):
        return super().kernels(x).view(2, 2, 3, 3).transpose(0, 1)

    def forward(self, x):
        return F.conv_transpose2d(torch.cat([x, -x], 1), self.kernels(x).transpose(0, 1), stride=2)


UNSEEN = {net.__name__: net for net in (NewParameter, InNumpy, ByNumber, HardGate)}  # by values alone
SEEN = {
    net.__name__: net
    for net in [
        *(Dynamic, Conditional, Attends, Modulated, Template, Buffered, ViewOfScratch, ScratchData, ViewOfBuffer),
        *(Overwrites, Remembers, Called, Transposed),
    ]
}
DYNAMIC = {**SEEN, **UNSEEN}


class Classifies(nn.Module):
    """Scores of three classes from maps whose kernels are made from the image."""

    def __init__(self, build=Conditional):
        super().__init__()
        self.maps, self.head = build(), nn.Linear(4, 3)

    def forward(self, x):
        return self.head(torch.relu(self.maps(x)).mean((2, 3)))
