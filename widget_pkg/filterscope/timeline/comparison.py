"""`filterscope.compare`: two nets on the same images, filter by filter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn

from filterscope.adapters.opening import net_inside
from filterscope.indices import as_index
from filterscope.nets.calling import Forward
from filterscope.nets.layer_choice import layer_indices, layer_title
from filterscope.nets.layers import ConvLayer
from filterscope.nets.outputs import class_scores
from filterscope.nets.runner import NetRunner
from filterscope.scans.sampling import Samples, batches, find_out_batches, order_of, runner_for
from filterscope.scans.task import DataOptions
from filterscope.timeline.damage import moves_of_scores
from filterscope.timeline.partners import SHUFFLES, KnownPairs, LayerPartners, Places, calls_of
from filterscope.verdicts.weights.start import relative_distance

_AT_ONCE = 32
_DAMAGE_AT_ONCE = 8  # a pass that can be gone back keeps all maps
DAMAGE_IMAGES = 64
"""Of so many images the damage is estimated: it takes a pass back for each score."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two nets, a and b, on the same images.

    Attributes:
        layers: Of each pair of layers which filters are which.
        distance: For each of these float32 `(F_a,)`, `‖w_b − w_a‖ / ‖w_a‖` of a filter and its partner; NaN where there
            is none, or their kernels have other shapes.
        damage: For each of these float32 `(F_a,)`: to first order, how far a's scores go (Euclidean length, a mean over
            images) when this filter alone gets the weights of b's filter of the same index; NaN where its partner is
            another one, the shapes or the images are others, or the net cannot be differentiated. It is for copies of
            one net: quantised, pruned, or from the same run.
        images: Indices of the images that both nets were run on, int64.
        only_a: Those on which a is right and b is wrong.
        only_b: Those on which b is right and a is wrong.
        labelled: How many of the images have a label that can be compared.
        classes_lost: The classes of `only_a`, with how many images each, the most first.
        notes: What was left out, sentences.

    Example:
        >>> from filterscope import compare, demo
        >>> found = compare(demo.fashion_net(), demo.fashion_net(), demo.fashion_test_data(), images=100)
        >>> print(str(found).splitlines()[0])
        conv1: all 10 found again
    """

    layers: tuple[LayerPartners, ...]
    distance: tuple[np.ndarray, ...] = field(repr=False)
    damage: tuple[np.ndarray, ...] = field(repr=False)
    images: np.ndarray = field(repr=False)
    only_a: np.ndarray = field(repr=False)
    only_b: np.ndarray = field(repr=False)
    labelled: int
    classes_lost: tuple[tuple[str | int, int], ...]
    notes: tuple[str, ...] = ()

    def of_layer(self, layer: str) -> LayerPartners:
        """The pairs of a layer of a, by its title.

        Raises:
            KeyError: If it was not compared.
        """
        for partners in self.layers:
            if partners.layer == layer:
                return partners
        raise KeyError(f"no layer {layer!r} was compared; choose one of {', '.join(p.layer for p in self.layers)}")

    def rows(self) -> list[dict[str, Any]]:
        """One dictionary a filter of a, those that changed most first in each layer."""
        rows = []
        for partners, distance, damage in zip(self.layers, self.distance, self.damage, strict=True):
            changed = np.where(partners.partner < 0, -2.0, partners.correlation)
            for index in np.argsort(np.nan_to_num(changed, nan=-2.0), kind="stable"):
                partner, merged = int(partners.partner[index]), int(partners.merged_into[index])
                rows.append(
                    {
                        "layer": partners.layer,
                        "filter": int(index),
                        "layer_b": partners.layer_b,
                        "partner": None if partner < 0 else partner,
                        "correlation": float(partners.correlation[index]),
                        "p": float(partners.p[index]),
                        "merged_into": None if merged < 0 else merged,
                        "distance": float(distance[index]),
                        "damage": float(damage[index]),
                    }
                )
        return rows

    def to_dataframe(self) -> Any:
        """A `pandas.DataFrame`, one row a filter of a; see `rows`.

        Raises:
            ImportError: If pandas is not installed; `rows()` does without.
        """
        try:
            import pandas
        except ImportError as error:
            raise ImportError(
                "to_dataframe() needs pandas, which filterscope does not bring: pip install pandas. rows() gives the "
                "same as a list of dictionaries"
            ) from error
        frame = pandas.DataFrame(self.rows())
        for name in ("partner", "merged_into"):
            frame[name] = frame[name].astype("Int64")
        return frame

    def __str__(self) -> str:
        lines = [partners.summary for partners in self.layers]
        if self.labelled:
            lost = "".join(f", most of them {name}" for name, count in self.classes_lost[:1] if count > 1)
            lines.append(
                f"of {self.labelled:,} images b is wrong on {len(self.only_a):,} where a is right{lost}; a is wrong on "
                f"{len(self.only_b):,} where b is right"
            )
        return "\n".join([*lines, *self.notes])


def compare(
    a: nn.Module,
    b: nn.Module,
    data: Any,
    images: int = 500,
    layers: Iterable[int | str | nn.Module] | int | str | nn.Module | None = None,
    *,
    data_b: Any = None,
    classes: Sequence[str] | None = None,
    transform: Callable[[Any], Any] | None = None,
    forward: Forward | None = None,
    shuffles: int = SHUFFLES,
    same_run: bool = False,
) -> Comparison:
    """Says which filter of net a is which of net b, and where the nets disagree; both are left as they came.

    Layers are paired by their names, or by their order where the names are others and the nets have as many. Filters
    are paired by the correlation of their pre-activations over images and positions: the pairs are those of the
    greatest sum of Fisher's z (Hungarian method; Li et al. 2016 take the correlations themselves).
    A pair counts where the correlation is higher than in 95 of 100 pairings with b's filters whose weights are shuffled
    inside of each filter: so of filters that have nothing to do with one another 5 % are called partners. Small kernels
    over few channels are much alike whatever they are, so that there a filter's own later self may be no more than
    chance: `correlations` has all numbers.

    Args:
        a: A net.
        b: Another one: trained on, pruned, quantised (simulated), from another seed, of another width.
        data: What `Explorer` takes.
        images: How many images are looked at.
        layers: Which layers of a, by index, name or module; None for all.
        data_b: The same images as b is given them, where it wants another normalisation.
        classes: Class names in the order of the nets' outputs.
        transform: Applied to each image as the data set gives it.
        forward: The user's own way of calling the nets, a function of a net and an image.
        shuffles: How often b's filters are shuffled; p is at least `1 / (1 + shuffles)`.
        same_run: Whether both are of one training run, or b a copy of a: then each filter is paired with the one of the
            same index, whatever the correlation, where the layers have as many.

    Raises:
        TypeError: If a net or the data are of the wrong kind.
        ValueError: If an option does not fit, or the two nets have no layer that can be compared.
        NetError: If a net refuses the images or has no convolution.

    Example:
        >>> from filterscope import compare, demo
        >>> found = compare(demo.fashion_net(), demo.fashion_net(), demo.fashion_test_data(), images=100)
        >>> found.of_layer("conv1").partner.tolist()
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    """
    for name, value in (("images", images), ("shuffles", shuffles)):
        count = as_index(value)
        if count is None or count < 1:
            raise ValueError(f"{name} is {value!r}; give a whole number, 1 or more")
    with torch.inference_mode(False):
        options = DataOptions(classes=classes, transform=transform, forward=forward)
        net_a, samples_a, call_a = options.open(a, data)
        if data_b is None:
            (net_b, call_b), samples_b = net_inside(b, data, forward), samples_a
        else:
            net_b, samples_b, call_b = options.open(b, data_b)
        if len(samples_a) != len(samples_b):
            raise ValueError(f"data has {len(samples_a)} images and data_b {len(samples_b)}; give the same images")
        runners = runner_for(net_a, samples_a, call_a), runner_for(net_b, samples_b, call_b)
        pairs, notes = _layer_pairs(*runners, layers)
        known = {
            first.index: KnownPairs.by_index(first.out_channels)
            for first, second in pairs
            if same_run and first.out_channels == second.out_channels
        }
        order = order_of(samples_a, images)[:images]
        return _compared(runners, (samples_a, samples_b), pairs, notes, order, shuffles, known)


def compare_known(
    a: NetRunner, b: NetRunner, samples: Samples, images: np.ndarray, known: Mapping[int, KnownPairs]
) -> Comparison:
    """Compares two nets of which it is known which filter is which, as a net and a smaller one made of it.

    The damage is not found: `b`'s filters are `a`'s own.

    Args:
        a: Runs a net.
        b: Runs another one.
        samples: The data set.
        images: Indices of the images that are looked at.
        known: By a's layer, which filters are which.

    Raises:
        ValueError: If the two nets have no layer that can be compared.
        NetError: If a net refuses the images.
    """
    pairs, notes = _layer_pairs(a, b, None)
    return _compared((a, b), (samples, samples), pairs, notes, images, SHUFFLES, known, damage_images=0)


def _layer_pairs(a: NetRunner, b: NetRunner, layers: Any) -> tuple[list[tuple[ConvLayer, ConvLayer]], list[str]]:
    """Layers of both nets that belong together."""
    chosen = [a.layers[index] for index in sorted(layer_indices(a.layers, layers))]
    by_title = {layer_title(layer): layer for layer in b.layers}
    if not any(layer_title(layer) in by_title for layer in chosen) and len(a.layers) == len(b.layers):
        return [(layer, b.layers[layer.index]) for layer in chosen], []
    pairs = [(layer, by_title[title]) for layer in chosen if (title := layer_title(layer)) in by_title]
    missing = [layer_title(layer) for layer in chosen if layer_title(layer) not in by_title]
    notes = [f"b has no layer {', '.join(missing[:5])}"] if missing else []
    if not pairs:
        raise ValueError(
            f"the nets have no layer in common: a has {', '.join(map(layer_title, a.layers[:5]))}, b has "
            f"{', '.join(map(layer_title, b.layers[:5]))}"
        )
    return pairs, notes


def _compared(
    runners: tuple[NetRunner, NetRunner],
    samples: tuple[Samples, Samples],
    pairs: list[tuple[ConvLayer, ConvLayer]],
    notes: list[str],
    order: np.ndarray,
    shuffles: int,
    known: Mapping[int, KnownPairs],
    damage_images: int = DAMAGE_IMAGES,
) -> Comparison:
    stop = len(order)
    for runner, own in zip(runners, samples, strict=True):
        find_out_batches(runner, own, order)
    at_once = min(runner.images_at_once(_AT_ONCE) for runner in runners)
    gathered = {first.index: Places(stop, first.index) for first, _ in pairs}
    refused: dict[int, str] = {}
    seen: list[int] = []
    labels: list[str | int | None] = []
    predicted: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    moves: dict[int, list[np.ndarray]] = {}
    both = zip(*(batches(own, order, 0, stop, at_once) for own in samples), strict=True)
    for of_a, of_b in both:
        if not len(of_a.images) or list(of_a.indices) != list(of_b.indices):
            continue
        indices = [first.index for first, _ in pairs], [second.index for _, second in pairs]
        calls_a, out_a = calls_of(runners[0], runners[0].batch(of_a.images), indices[0])
        calls_b, out_b = calls_of(runners[1], runners[1].batch(of_b.images), indices[1])
        for first, second in pairs:
            if first.index in refused or first.index not in calls_a or second.index not in calls_b:
                continue
            try:
                gathered[first.index].add(calls_a[first.index], calls_b[second.index])
            except ValueError as error:
                refused[first.index] = f"{layer_title(first)} was not compared: {error}."
        if samples[0] is samples[1] and len(seen) < damage_images:
            weights = {
                first.index: (call.weight, call.bias)
                for first, second in pairs
                if (call := calls_b.get(second.index)) is not None and not call.dynamic
            }
            for begin in range(0, len(of_a.images), _DAMAGE_AT_ONCE):
                some = runners[0].batch(of_a.images[begin : begin + _DAMAGE_AT_ONCE])
                for index, way in moves_of_scores(runners[0], some, weights).items():
                    moves.setdefault(index, []).append(way.numpy())
        for output, runner, kept in zip((out_a, out_b), runners, predicted, strict=True):
            scores = class_scores(output, len(of_a.images), runner.known)
            if scores is not None:
                kept.append(scores.argmax(1))
        seen += list(of_a.indices)
        labels += list(of_a.labels)
    compared = [pair for pair in pairs if pair[0].index not in refused]
    if not compared:
        raise ValueError("no layer could be compared: " + " ".join(refused.values()))
    partners = tuple(
        gathered[first.index].partners(layer_title(first), layer_title(second), shuffles, known.get(first.index))
        for first, second in compared
    )
    distance = tuple(_distance(*pair, found) for pair, found in zip(compared, partners, strict=True))
    damage = tuple(_damage(moves.get(pair[0].index, []), found) for pair, found in zip(compared, partners, strict=True))
    only_a, only_b, labelled, lost = _disagreements(seen, labels, predicted, samples[0].classes)
    all_notes = (*notes, *refused.values())
    return Comparison(partners, distance, damage, np.array(seen), only_a, only_b, labelled, lost, all_notes)


def _distance(a: ConvLayer, b: ConvLayer, partners: LayerPartners) -> np.ndarray:
    first, second = a.kernels, b.kernels
    distance = np.full(len(first), np.nan, np.float32)
    rows = np.flatnonzero(partners.partner >= 0)
    if len(rows) and first.shape[1:] == second.shape[1:]:
        distance[rows] = relative_distance(second[partners.partner[rows]], first[rows])
    return distance


def _damage(moves: Sequence[np.ndarray], partners: LayerPartners) -> np.ndarray:
    filters = len(partners.partner)
    if not moves:
        return np.full(filters, np.nan, np.float32)
    itself = (partners.partner < 0) | (partners.partner == np.arange(filters))
    return np.where(itself, np.concatenate(moves).mean(0), np.nan).astype(np.float32)


def _disagreements(
    seen: Sequence[int],
    labels: Sequence[str | int | None],
    predicted: tuple[list[np.ndarray], list[np.ndarray]],
    classes: Sequence[str],
) -> tuple[np.ndarray, np.ndarray, int, tuple[tuple[str | int, int], ...]]:
    """On which images one net alone is right."""
    none = np.zeros(0, np.int64)
    if any(sum(map(len, kept)) != len(seen) for kept in predicted) or not seen:
        return none, none, 0, ()
    number = {name: index for index, name in enumerate(classes)}
    true = np.array(
        [number.get(label, -1) if isinstance(label, str) else -1 if label is None else label for label in labels]
    )
    right_a, right_b = (np.concatenate(kept) == true for kept in predicted)
    known = true >= 0
    images = np.array(seen)
    only_a, only_b = np.sort(images[known & right_a & ~right_b]), np.sort(images[known & right_b & ~right_a])
    lost = Counter(labels[int(place)] for place in np.flatnonzero(known & right_a & ~right_b))
    return (
        only_a,
        only_b,
        int(known.sum()),
        tuple((name, count) for name, count in lost.most_common() if name is not None),
    )
