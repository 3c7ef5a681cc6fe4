"""What a scan is of: which net, which data set and which layers; scans of the same merge and go on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from filterscope.data.sample import Sample
from filterscope.errors import SampleError
from filterscope.inputs import leaves
from filterscope.nets.fingerprint import fingerprint
from filterscope.nets.layer_choice import layer_title
from filterscope.nets.layers import ConvLayer
from filterscope.nets.runner import NetRunner
from filterscope.scans.sampling import Samples

_LOOKED_AT = 8  # samples, spread over the data set
_READS = 3  # of each: two random flips can give equal images

ACTIVATION, PRE_ACTIVATION = "activation", "pre-activation"


@dataclass(frozen=True)
class LayerIdentity:
    """A layer that was scanned.

    Attributes:
        index: Its index among the net's convolutions.
        title: Its name, with the number of its call from the second call on.
        filters: How many filters it has.
    """

    index: int
    title: str
    filters: int


@dataclass(frozen=True)
class DataIdentity:
    """A data set, as far as a few of its samples tell.

    Attributes:
        count: How many images it has; None for a stream.
        classes: Its class names.
        labels: 16 hexadecimal digits that stand for the labels of these samples.
        pixels: 16 hexadecimal digits that stand for their images; "" where the data set is random.
    """

    count: int | None
    classes: tuple[str, ...]
    labels: str
    pixels: str

    @property
    def random(self) -> bool:
        """Whether the data set, read again, gives other images."""
        return not self.pixels

    def fits(self, other: DataIdentity) -> bool:
        """Whether both may be the same data set."""
        same_pixels = self.random or other.random or self.pixels == other.pixels
        return (self.count, self.classes, self.labels) == (other.count, other.classes, other.labels) and same_pixels


@dataclass(frozen=True)
class ScanIdentity:
    """What a scan is of.

    Attributes:
        net: 16 hexadecimal digits that stand for the net's weights.
        data: The data set.
        layers: The layers, in execution order.
        maps: `"activation"` or `"pre-activation"`.
    """

    net: str
    data: DataIdentity
    layers: tuple[LayerIdentity, ...]
    maps: str

    def difference(self, other: ScanIdentity) -> str:
        """In what another scan differs from this one, a phrase; "" where they may be of the same."""
        if self.net != other.net:
            return f"of a net with other weights (fingerprint {other.net}, and here {self.net})"
        if not self.data.fits(other.data):
            if self.data.count != other.data.count:
                return f"of a data set of {_count(other.data)} images, and here there are {_count(self.data)}"
            return "of a data set with other images, labels or class names"
        if self.layers != other.layers:
            titles = (", ".join(layer.title for layer in scan.layers) for scan in (other, self))
            return "of other layers: {}, and here {}".format(*titles)
        return f"of the {other.maps}s, and here it is the {self.maps}s" if self.maps != other.maps else ""

    def layer(self, chosen: int) -> LayerIdentity:
        """A scanned layer, by its index among the net's convolutions."""
        return next(layer for layer in self.layers if layer.index == chosen)

    def to_json(self) -> str:
        """The identity as text, the same for equal identities."""
        return json.dumps(asdict(self), ensure_ascii=True, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> ScanIdentity:
        """The identity that `to_json` wrote.

        Raises:
            ValueError, KeyError, TypeError: If the text is none.
        """
        values = json.loads(text)
        data = values["data"]
        data["classes"] = tuple(data["classes"])
        layers = tuple(LayerIdentity(**layer) for layer in values["layers"])
        return cls(values["net"], DataIdentity(**data), layers, values["maps"])


def identify(runner: NetRunner, samples: Samples, layers: Sequence[int], pre_activation: bool) -> ScanIdentity:
    """What a scan is of.

    Args:
        runner: Runs the net.
        samples: The data set; a few of its samples are read.
        layers: Indices of the chosen layers.
        pre_activation: Whether the maps are those before normalisation and nonlinearity.
    """
    return ScanIdentity(
        fingerprint(runner.net),
        identify_data(samples),
        tuple(identify_layer(runner.layers[layer]) for layer in layers),
        PRE_ACTIVATION if pre_activation else ACTIVATION,
    )


def identify_layer(layer: ConvLayer) -> LayerIdentity:
    """A layer as a scan knows it."""
    return LayerIdentity(layer.index, layer_title(layer), layer.out_channels)


def identify_data(samples: Samples) -> DataIdentity:
    """A data set as a scan knows it; a few of its samples are read several times."""
    if samples.is_stream:
        samples.has(_LOOKED_AT - 1)
        looked_at = np.arange(min(_LOOKED_AT, len(samples)))
    else:
        looked_at = np.unique(np.linspace(0, len(samples) - 1, _LOOKED_AT).astype(np.int64))
    reads = [samples.read_several(looked_at.tolist()) for _ in range(1 if samples.is_stream else _READS)]
    labels, pixels = hashlib.sha256(), {_pixels(read) for read in reads}
    for sample in reads[0]:
        label = "unreadable" if isinstance(sample, SampleError) else repr(sample.label)
        labels.update(label.encode("utf-8", "backslashreplace"))
    count = None if samples.is_stream else len(samples)
    return DataIdentity(
        count, tuple(samples.classes), labels.hexdigest()[:16], pixels.pop() if len(pixels) == 1 else ""
    )


def _pixels(read: Sequence[Sample | SampleError]) -> str:
    digest = hashlib.sha256()
    for sample in read:
        if isinstance(sample, SampleError):
            digest.update(b"unreadable")
        else:
            for array in [sample.image] if sample.inputs is None else leaves(sample.inputs.values):
                digest.update(f"{np.shape(array)}".encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]


def _count(data: DataIdentity) -> str:
    return "a stream's" if data.count is None else f"{data.count:,}"
