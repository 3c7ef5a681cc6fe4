"""The oracle for receptive fields: where the gradient of an output value is not 0, for weights that cancel nothing."""

import contextlib
import copy
from collections import Counter
from unittest import mock

import torch
from torch.nn import functional as F


def _average(rank):
    pool = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)[rank - 1]

    def averaged(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
        assert dilation in (1, (1,) * rank) and not return_indices
        return pool(x, kernel_size, stride, padding, ceil_mode)

    return averaged


def _same(x, *args, **kwargs):
    return x


def _bounded(x, *args, **kwargs):
    return x / (1 + x.abs())


@contextlib.contextmanager
def nothing_hidden():
    """Inside, a maximum lets all of its window through, and no nonlinearity is flat: the gradient shows every tap.

    A maximum's own gradient goes to one pixel alone. Its mean has the same window, and so the same field.
    """
    averages = {f"max_pool{rank}d": _average(rank) for rank in (1, 2, 3)}
    averages |= {f"adaptive_max_pool{r}d": getattr(F, f"adaptive_avg_pool{r}d") for r in (1, 2, 3)}
    identities = dict.fromkeys(["relu", "relu6", "hardtanh", "hardswish", "silu", "gelu", "leaky_relu"], _same)
    with contextlib.ExitStack() as stack:
        for name, other in (averages | identities | {"hardsigmoid": _bounded}).items():
            stack.enter_context(mock.patch.object(F, name, other))
        stack.enter_context(mock.patch.object(torch, "sigmoid", _bounded))
        stack.enter_context(mock.patch.object(torch, "relu", _same))
        yield


def generic(net, seed=0):
    """A copy in float64; its positive weights sum to about 1 for each output, so that nothing cancels or vanishes."""
    net = copy.deepcopy(net).double().eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(torch.rand(parameter.shape, generator=generator, dtype=torch.float64) + 0.5)
            if parameter.ndim > 1:
                parameter /= parameter[0].numel()
        for name, buffer in net.named_buffers():
            if name.endswith("running_mean"):
                buffer.zero_()
            elif name.endswith("running_var"):
                buffer.fill_(1)
    return net


class _Enough(Exception):
    """All layers were seen; what follows, a transformer say, costs much and tells nothing."""


class Gradients:
    """The gradients of a generic net's layers, for one image: one pass forward, one backward for each layer.

    Args:
        net: The net; a generic copy is made.
        shape: Of the image, `(C, *size)`.
        layers: The `ConvLayer`s that will be asked for.
        places: For each layer how many values at most.
    """

    def __init__(self, net, shape, layers, places):
        net = generic(net)
        self.outputs = {}
        calls = Counter()
        wanted = {(layer.name, layer.call): layer.index for layer in layers}

        def watch(name):
            def hook(module, args, output):
                index = wanted.get((name, calls[name]))
                calls[name] += 1
                if index is not None:
                    self.outputs[index] = output
                    if len(self.outputs) == len(wanted):
                        raise _Enough

            return hook

        for name, module in net.named_modules():
            if name in {layer.name for layer in layers}:
                module.register_forward_hook(watch(name))
        image = torch.rand(1, *shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        # Each value has a copy of the image of its own, so that all masks come from one backward pass.
        self.batch = image.expand(places, *shape).clone().requires_grad_()
        with nothing_hidden(), contextlib.suppress(_Enough):
            net(self.batch)

    def boxes(self, layer, places):
        """For each `(filter, *position)` of a layer's output the box of the image in which its gradient is not zero.

        The first pixel and the one after the last along each axis; all 0 where there is no gradient.
        """
        total = sum(self.outputs[layer.index][(item, *place)] for item, place in enumerate(places))
        (gradient,) = torch.autograd.grad(total, self.batch, retain_graph=True)
        return [_box(mask) for mask in (gradient != 0).any(dim=1)[: len(places)]]


def _box(mask):
    if not mask.any():
        return [(0, 0)] * mask.ndim
    spans = []
    for axis in range(mask.ndim):
        along = mask.any(dim=[k for k in range(mask.ndim) if k != axis]) if mask.ndim > 1 else mask
        index = along.nonzero().ravel()
        spans.append((int(index[0]), int(index[-1]) + 1))
    return spans


def spans(box, rank):
    """A `Box` as the oracle gives it."""
    return [(box.front, box.back), (box.top, box.bottom), (box.left, box.right)][3 - rank :]


def ends_and_middle(shape):
    """Corners, edges and middle of a map: every combination of the first, the middle and the last index."""
    places = [()]
    for size in shape:
        places = [(*place, k) for place in places for k in sorted({0, size // 2, size - 1})]
    return places


def places(layer):
    """What is compared of a layer: ends and middle of its first filter, and where there are groups of its last too."""
    filters = sorted({0, layer.out_channels - 1}) if layer.groups > 1 else [0]
    return [(filter_index, *place) for filter_index in filters for place in ends_and_middle(layer.out_shape[1:])]


def disagreements(net, shape, pointer):
    """Every place of every layer where the box is not that of the gradient's mask, though it is said to be exact.

    Returns:
        How many fields of each status were compared, and the disagreements: layer, place, found, expected.
    """
    layers = pointer.layers
    gradients = Gradients(net, shape, layers, max(len(places(layer)) for layer in layers))
    counted, wrong = Counter(), []
    for layer in layers:
        if layer.index not in gradients.outputs:
            continue
        compared = places(layer)
        for place, expected in zip(compared, gradients.boxes(layer, compared), strict=True):
            field = pointer.fields(0, layer.index, place[0]).at(place[1:])
            found = spans(field.inside, len(shape) - 1)
            counted[field.status] += 1
            larger = all(a <= c and b >= d for (a, b), (c, d) in zip(found, expected, strict=True))
            if found != expected and not (field.status == "upper bound" and larger):
                wrong.append((layer.name, place, field.status, found, expected))
    return counted, wrong
