"""What can be wrong with a net, and the sentence that is said then: the first rows of the table of bad input."""

from __future__ import annotations

import warnings

import torch
from torch import nn

from bad_rows import Bad, Place, activation_of
from filterscope import Explorer, NetError
from nets import Chooses, NoConvs, TwoConvs, Unreached, images, seeded

REFUSED = (
    "Give images as the net was trained on; transform= brings others into that shape, forward= (a function of net and "
    "image) is for nets with an unusual call."
)


class Raises(TwoConvs):
    def forward(self, x):
        super().forward(x)
        raise RuntimeError("boom\nand more")


class Nothing(TwoConvs):
    def forward(self, x):
        super().forward(x)


class Masked(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)

    def forward(self, x, mask):
        return self.conv(x * mask)


class Detects(Chooses):
    def forward(self, x):
        y = self.one(x)
        return self.two(y if x.mean() > 0.5 else y[:0])


def on_meta() -> nn.Module:
    with torch.device("meta"):
        return TwoConvs()


def quantised() -> nn.Module:
    from torch.ao import quantization

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated, and in many people's nets
        net = nn.Sequential(quantization.QuantStub(), nn.Conv2d(1, 4, 3), nn.ReLU(), quantization.DeQuantStub()).eval()
        net.qconfig = quantization.get_default_qconfig("fbgemm")
        prepared = quantization.prepare(net)
        prepared(images(1, 1, 14, 14))
        return quantization.convert(prepared)


def runs_its_own(own: nn.Module, at: Place) -> object:
    return at.explorer(forward=lambda net, image: own(image))


def changed_into_another(at: Place) -> object:
    net = seeded(TwoConvs)
    explorer = Explorer(net, at.data)
    net.conv1 = seeded(lambda: nn.Conv2d(2, 4, 3))
    return explorer.activation


NETS = [
    Bad(
        "no net",
        lambda at: Explorer(None, at.data),
        TypeError,
        "net is None; expected a torch.nn.Module",
    ),
    Bad(
        "a class instead of a net",
        lambda at: Explorer(TwoConvs, at.data),
        TypeError,
        "net is the class TwoConvs; expected a torch.nn.Module; call it to make a net",
    ),
    Bad(
        "a state dict instead of a net",
        lambda at: Explorer(at.net.state_dict(), at.data),
        TypeError,
        "net is an OrderedDict; expected a torch.nn.Module; a state_dict holds weights alone: make the net and call "
        "net.load_state_dict(...)",
    ),
    Bad(
        "a net without convolutions",
        lambda at: Explorer(NoConvs(), at.data),
        NetError,
        "no convolution found in a forward pass of the net: NoConvs has none. Explorer shows nets with nn.Conv2d and "
        "the like.",
    ),
    Bad(
        "a convolution that no image reaches",
        lambda at: Explorer(seeded(Unreached), at.data),
        NetError,
        "no convolution found in a forward pass of the net: it has conv (Conv2d), none of them reached from the image. "
        "Explorer shows nets with nn.Conv2d and the like.",
    ),
    Bad(
        "images with more channels than the net takes",
        lambda at: at.explorer([images(3, 14, 14)]),
        NetError,
        f"the net refused an image of shape (C, H, W) = (3, 14, 14), float32: ⋯ {REFUSED}",
    ),
    Bad(
        "images too small for the net",
        lambda at: at.explorer([images(1, 4, 4)]),
        NetError,
        f"the net refused an image of shape (C, H, W) = (1, 4, 4), float32: ⋯ {REFUSED}",
    ),
    Bad(
        "one image of another size than a linear layer takes",
        lambda at: activation_of(at.second(images(1, 2, 2))),
        NetError,
        f"the net refused an image of shape (C, H, W) = (1, 2, 2), float32: ⋯ {REFUSED}",
    ),
    Bad(
        "a net that raises",
        lambda at: Explorer(seeded(Raises), at.data),
        NetError,
        f"the net refused an image of shape (C, H, W) = (1, 14, 14), float32: RuntimeError: boom. {REFUSED}",
    ),
    Bad(
        "a net that returns None",
        lambda at: Explorer(seeded(Nothing), at.data),
        NetError,
        "the net returned None for an image; does Nothing.forward lack its return? A net that gives nothing on purpose "
        "is shown with forward=lambda net, image: net(image)",
    ),
    Bad(
        "a net that takes several inputs",
        lambda at: Explorer(seeded(Masked), at.data),
        NetError,
        "the net's forward takes 2 inputs (x, mask), and was given the image alone: TypeError: ⋯. Give the others by "
        "forward=lambda net, image: net(image, mask). Where each sample has them, as a pair of images has, "
        "forward=lambda net, pair: net(*pair) gives the net all of them.",
    ),
    Bad(
        "a `forward=` that raises",
        lambda at: at.explorer(forward=lambda net, image: 1 / 0),
        NetError,
        "forward= raised for an image of shape (C, H, W) = (1, 14, 14), float32: ZeroDivisionError: division by zero. "
        "It is called as forward(net, image), with a batch of one.",
    ),
    Bad(
        "rows of pixels for a net of images",
        lambda at: at.explorer((images(3, 196), [0, 2, 1])),
        NetError,
        "the net refused a vector of 196 values, float32: ⋯. Rows of pixels become pictures by transform=lambda row: "
        "row.reshape(14, 14); forward=lambda net, vector: net(vector[:, 0]) gives the net a batch (1, 196).",
    ),
    Bad(
        "a `forward=` that cannot take the inputs of a sample",
        lambda at: at.explorer([((images(1, 14, 14), images(1, 14, 14)), 1)], forward=lambda net, pair: net(pair[2])),
        NetError,
        "forward= raised for an image of shape (C, H, W) = (1, 14, 14), float32: IndexError: tuple index out of range. "
        "It is called as forward(net, image), with a batch of one, and with all 2 inputs of the sample.",
    ),
    Bad(
        "a `forward=` that runs your net and not the one it is given",
        lambda at: runs_its_own(at.net, at),
        ValueError,
        "forward uses the net itself and not the one that it is given, a copy with the same weights; write "
        "forward=lambda net, image: net(image, ...) and use its argument",
    ),
    Bad(
        "a `forward=` that never calls the net it is given",
        lambda at: at.explorer(forward=lambda net, image: image),
        NetError,
        "forward never calls the net that it is given, so there is nothing to show; write "
        "forward=lambda net, image: net(image, ...)",
    ),
    Bad(
        "a `forward=` that is no function",
        lambda at: at.explorer(forward=3),
        TypeError,
        "forward is an int; give a function of net and image, or None",
    ),
    Bad(
        "a lazy net that saw no image yet",
        lambda at: Explorer(nn.Sequential(nn.LazyConv2d(4, 3)), at.data),
        NetError,
        "the net has lazy modules that saw no image yet (0.weight, 0.bias have no values); run it once on a batch of "
        "images, net(images), so that it makes its weights, then show it",
    ),
    Bad(
        "weights on the meta device",
        lambda at: Explorer(on_meta(), at.data),
        NetError,
        "weights of the net are on the meta device (conv1.weight, conv1.bias, conv2.weight and 3 more), where tensors "
        "have no values; load them, e.g. net.to_empty(device='cpu') and net.load_state_dict(...)",
    ),
    Bad(
        "a quantised net",
        lambda at: Explorer(seeded(quantised), at.data),
        NetError,
        "no convolution found in a forward pass of the net but quantised ones (1), which compute in int8 with packed "
        "weights. Give the float net that it was made from.",
    ),
    Bad(
        "a layer that the net does not run for this image",
        lambda at: activation_of(
            Explorer(seeded(Chooses), torch.stack([torch.ones(1, 8, 8), torch.zeros(1, 8, 8)])).select(image=1, layer=1)
        ),
        NetError,
        "the net did not reach call 0 of two for this image, as it did for the one the explorer was made with. A net "
        "whose path depends on the image shows only what it runs; choose another layer or image.",
    ),
    Bad(
        "a net that gives a layer nothing, as a detection net without a detection",
        lambda at: activation_of(
            Explorer(seeded(Detects), torch.stack([torch.ones(1, 8, 8), torch.zeros(1, 8, 8)])).select(image=1, layer=1)
        ),
        NetError,
        "the net gave call 0 of two nothing for this image, a batch of 0 items, as a detection net does that finds no "
        "box; choose another layer or image",
    ),
    Bad(
        "a net that was changed into one that cannot be shown",
        lambda at: changed_into_another(at),
        NetError,
        f"the net refused an image of shape (C, H, W) = (1, 14, 14), float32: RuntimeError: ⋯ {REFUSED}",
    ),
]
