"""The verdicts on every filter at every checkpoint, and how far each has gone: `filterscope.diagnose_over_time`."""

from __future__ import annotations

import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn

from filterscope.data.sample import Sample
from filterscope.errors import CheckpointError, SampleError
from filterscope.nets.calling import Forward
from filterscope.nets.fingerprint import fingerprint
from filterscope.nets.layer_choice import layer_indices, layer_title
from filterscope.nets.net_state import template_of
from filterscope.nets.runner import NetRunner
from filterscope.outputs.score import Objective
from filterscope.scans.progress import ProgressBar, no_progress
from filterscope.scans.sampling import Samples, batches, find_out_batches, order_of, runner_for
from filterscope.scans.task import DataOptions
from filterscope.timeline.checkpoints import Checkpoint, Checkpoints
from filterscope.timeline.net_copy import copy_with_state
from filterscope.timeline.paths import LayerPath, Paths
from filterscope.verdicts.examination import Examination
from filterscope.verdicts.result.conclusion import conclude
from filterscope.verdicts.result.diagnosis import Diagnosis
from filterscope.verdicts.result.verdict import COLUMNS, COUNTS
from filterscope.verdicts.run.examine import OnProgress, examine
from filterscope.verdicts.run.plan import in_words
from filterscope.verdicts.run.request import AblationRequest, check_request
from filterscope.verdicts.weights.start import StartKernels

KEPT_IMAGES_BYTES = 512 * 2**20
"""Most that images may take that are kept for the next checkpoint; beyond that they are read again."""

_TIMED = 32  # images whose pass tells what all will cost
_PASSES = 8  # a diagnosis without ablation takes as long as so many passes: gradients, and what is kept of the maps
EVENTS = ("born", "died", "became a twin", "was a twin no more", "lost its use", "gained a use")


@dataclass(frozen=True, eq=False)
class DiagnosisOverTime:
    """A diagnosis of every checkpoint of a net, and the way of its filters' weights.

    Attributes:
        checkpoints: The checkpoints, in order.
        diagnoses: One for each; None for one that could not be read.
        paths: How far each filter's weights are from where they began, from where they end, and from the checkpoint
            before, by the layer's title.
        complete: Whether all were judged; False where it was cancelled.

    Example:
        >>> from filterscope import demo, diagnose_over_time
        >>> nets = [demo.fashion_net(epoch=epoch) for epoch in (0, 1, 20)]
        >>> found = diagnose_over_time(nets[-1], demo.fashion_test_data(), nets, images=100, progress=False)
        >>> len(found.diagnoses), len(found.rows())
        (3, 90)
    """

    checkpoints: tuple[Checkpoint, ...]
    diagnoses: tuple[Diagnosis | None, ...]
    paths: dict[str, LayerPath] = field(repr=False)
    complete: bool = True

    def rows(self) -> list[dict[str, Any]]:
        """One dictionary a checkpoint and filter: `checkpoint`, `name`, `epoch`, distances, events, and the verdict.

        The verdict's `start` and `start_distance` are seen from the first checkpoint. `to_end` is `‖w_t − w_T‖ / ‖w_T‖`
        of the filter's kernels, `step` is `‖w_t − w_(t−1)‖ / ‖w_(t−1)‖`; `event` says in words what is other than at
        the checkpoint before.
        """
        rows = []
        for at, (checkpoint, diagnosis) in enumerate(zip(self.checkpoints, self.diagnoses, strict=True)):
            if diagnosis is None:
                continue
            for verdict in diagnosis.filters:
                path = self.paths[verdict.layer]
                rows.append(
                    {
                        "checkpoint": at,
                        "checkpoint_name": checkpoint.name,
                        "epoch": checkpoint.epoch,
                        "to_end": float(path.to_end[at, verdict.filter]),
                        "step": float(path.step[at, verdict.filter]),
                        "event": ", ".join(self.events(verdict.layer, verdict.filter).get(at, [])),
                        **verdict.row(),
                    }
                )
        return rows

    def over_time(self) -> Any:
        """A `pandas.DataFrame`, one row a checkpoint and filter; see `rows` and `FilterVerdict` for its columns.

        Raises:
            ImportError: If pandas is not installed; `rows()` does without.
        """
        try:
            import pandas
        except ImportError as error:
            raise ImportError(
                "over_time() needs pandas, which filterscope does not bring: pip install pandas. rows() gives the same "
                "as a list of dictionaries"
            ) from error
        first = ["checkpoint", "checkpoint_name", "epoch", "to_end", "step", "event"]
        frame = pandas.DataFrame(self.rows(), columns=[*first, *COLUMNS, "sentence"])
        for name in ("epoch", *COUNTS):
            frame[name] = frame[name].astype("Int64")
        return frame

    def events(self, layer: str, filter_index: int) -> dict[int, list[str]]:
        """What happened to a filter at which checkpoint: `"born"`, `"died"`, `"became a twin"`, `"lost its use"`, ….

        Args:
            layer: The layer's title.
            filter_index: The filter.

        Returns:
            By the checkpoint's index, words of `EVENTS`. A verdict that cannot be told is no event.
        """
        happened: dict[int, list[str]] = {}
        before = None
        for at, diagnosis in enumerate(self.diagnoses):
            if diagnosis is None:
                continue
            now = diagnosis.of_layer(layer)[filter_index]
            if before is not None:
                words = []
                states = before.state, now.state
                if states[0] in ("dead", "constant") and states[1] == "live":
                    words.append("born")
                if states[0] == "live" and states[1] in ("dead", "constant"):
                    words.append("died")
                if before.duplicate_of is None and now.duplicate_of is not None:
                    words.append("became a twin")
                if before.duplicate_of is not None and now.duplicate_of is None:
                    words.append("was a twin no more")
                if before.use == "used" and now.use == "no measurable use":
                    words.append("lost its use")
                if before.use == "no measurable use" and now.use == "used":
                    words.append("gained a use")
                if words:
                    happened[at] = words
            before = now
        return happened

    def never_left(self, layer: str) -> list[int]:
        """The filters of a layer whose weights never left the first checkpoint's, but for rounding."""
        return self.paths[layer].never_left()

    def __str__(self) -> str:
        lines = []
        for layer, path in self.paths.items():
            filters = path.from_start.shape[1]
            counts = dict.fromkeys(EVENTS, 0)
            for index in range(filters):
                for words in self.events(layer, index).values():
                    for word in words:
                        counts[word] += 1
            told = [f"{count} {word}" for word, count in counts.items() if count]
            stayed = len(self.never_left(layer))
            told += [f"{stayed} never left {'its' if stayed == 1 else 'their'} start"] if stayed else []
            lines.append(f"{layer}: {filters} filters; " + (", ".join(told) if told else "no verdict changed"))
        return "\n".join(lines)


class KeptSamples:
    """A data set whose images are kept when they were read for the net, so that the next net need not read them.

    Args:
        samples: The data set.
        limit: Bytes that the images may take; what does not fit is read each time.

    Attributes:
        reads: How many images were read from the data set.
    """

    def __init__(self, samples: Samples, limit: int = KEPT_IMAGES_BYTES) -> None:
        self._samples, self._free = samples, limit
        self._kept: dict[int, Sample | SampleError] = {}
        self.reads = 0

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names by number."""
        return self._samples.classes

    @property
    def objective(self) -> Objective:
        """What the net is for, as far as it is said."""
        return self._samples.objective

    @property
    def is_stream(self) -> bool:
        """Whether it can only be read from its start."""
        return self._samples.is_stream

    def __len__(self) -> int:
        return len(self._samples)

    def read(self, index: int) -> Sample:
        """A sample; `SampleError` if it cannot be read."""
        return self._samples.read(index)

    def read_several(self, indices: Sequence[int]) -> Sequence[Sample | SampleError]:
        """Samples for the net, in that order; for one that cannot be read, its error."""
        missing = [index for index in indices if index not in self._kept]
        read = dict(zip(missing, self._samples.read_several(missing), strict=True)) if missing else {}
        self.reads += len(read)
        for index, sample in read.items():
            size = sample.image.nbytes if isinstance(sample, Sample) else 0
            if size <= self._free:
                self._kept[index] = sample
                self._free -= size
        return [read[index] if index in read else self._kept[index] for index in indices]

    def has(self, index: int) -> bool:
        """Whether there is an image of that index."""
        return self._samples.has(index)


def diagnose_over_time(
    net: nn.Module,
    data: Any,
    checkpoints: Any,
    images: int = 1000,
    layers: Iterable[int | str | nn.Module] | int | str | nn.Module | None = None,
    ablation: bool | str = False,
    *,
    classes: Sequence[str] | None = None,
    transform: Callable[[Any], Any] | None = None,
    layout: str | None = None,
    forward: Forward | None = None,
    progress: bool | OnProgress = True,
    cancel: threading.Event | None = None,
) -> DiagnosisOverTime:
    """Judges every filter at every checkpoint of a net: the verdicts are those of `diagnose` for each of them.

    All checkpoints are judged on the same images, which are read once (up to 512 MB of them). The net is left exactly
    as it came, and nothing that stands in a file is run.

    Args:
        net: The network.
        data: What `Explorer` takes.
        checkpoints: What `Explorer` takes for `checkpoints`.
        images: How many images are looked at.
        layers: Which layers, by index, name or module; None for all.
        ablation: How the use of filters is found at each checkpoint, as `diagnose` takes it: `"auto"`, `"all"` or
            False. Without it use is withheld.
        classes: Class names in the order of the net's output.
        transform: Applied to each image as the data set gives it.
        layout: The order of an image's axes where it is not clear.
        forward: The user's own way of calling the net.
        progress: Whether what it will cost is said first, and a bar shown; or a function of what is done, how many of
            it, and of how many.
        cancel: Set it from another thread to stop after the running batch.

    Raises:
        TypeError: If the net, the data or the checkpoints are of the wrong kind.
        ValueError: If an option does not fit, with the valid choices.
        CheckpointError: If no checkpoint fits the net.
        NetError: If the net refuses the images, has no convolution or cannot be copied.
        SampleError: If none of the first samples can be read.

    Example:
        >>> from filterscope import demo, diagnose_over_time
        >>> net = demo.fashion_net()
        >>> states = {f"epoch {epoch}": demo.fashion_net(epoch=epoch).state_dict() for epoch in (0, 20)}
        >>> found = diagnose_over_time(net, demo.fashion_test_data(), states, images=100, progress=False)
        >>> found.over_time().columns[:3].to_list()
        ['checkpoint', 'checkpoint_name', 'epoch']
    """
    request = check_request(ablation)
    with torch.inference_mode(False):
        options = DataOptions(classes=classes, transform=transform, layout=layout, forward=forward)
        opened, isolated, call = options.open(net, data)
        samples = KeptSamples(isolated)
        live = runner_for(opened, samples, call)
        states = Checkpoints(checkpoints, template_of(live.net))
        chosen = sorted(layer_indices(live.layers, layers))
        if progress is True:
            print(cost_in_words(live, samples, len(states), images, chosen, request), file=sys.stderr)
        bar = ProgressBar() if progress is True else None
        on_progress = bar or (progress if callable(progress) else no_progress)
        stop = cancel if cancel is not None else threading.Event()
        try:
            return judge_all(
                live.snapshot(),
                states,
                lambda copy: runner_for(copy, samples, call),
                samples,
                chosen,
                images,
                request,
                on_progress,
                stop,
            )
        finally:
            if bar is not None:
                bar.close()


def judge_all(
    pattern: nn.Module,
    checkpoints: Checkpoints,
    runner_of: Callable[[nn.Module], NetRunner],
    samples: Samples,
    layers: Sequence[int],
    images: int,
    request: AblationRequest,
    on_progress: OnProgress = no_progress,
    cancel: threading.Event | None = None,
    judged: Callable[[DiagnosisOverTime], None] = lambda so_far: None,
) -> DiagnosisOverTime:
    """Judges all checkpoints of a net on the same images.

    Args:
        pattern: A snapshot of the net.
        checkpoints: Its states.
        runner_of: Makes what runs a copy of the net.
        samples: The data set.
        layers: Indices of the layers.
        images: How many images are looked at.
        request: How the use of filters is found.
        on_progress: Told how many checkpoints are judged.
        cancel: Ends it after the running batch.
        judged: Given what is known, after each checkpoint.
    """
    stop = cancel if cancel is not None else threading.Event()
    all_of_them, diagnoses = tuple(checkpoints), []
    paths = Paths(len(all_of_them))
    start: dict[int, np.ndarray] = {}
    last: dict[str, np.ndarray] = {}
    for at in [len(all_of_them) - 1, *range(len(all_of_them))]:  # the end first: distances to it are told at once
        if stop.is_set():
            break
        diagnosis = None
        try:
            copy = copy_with_state(pattern, all_of_them[at].state(template_of(pattern)), all_of_them[at].name)
            runner = runner_of(copy)
            kernels = {layer_title(runner.layers[layer]): runner.layers[layer].kernels for layer in layers}
            if not last:
                last = kernels
                continue
            paths.add(at, kernels, last)
            examination = Examination(runner, samples, list(layers))
            start = start or {layer: runner.layers[layer].kernels for layer in layers}
            examination.start = StartKernels(start, dict.fromkeys(start, 0.0))
            examine(examination, images, request, no_progress, stop)
            diagnosis = conclude(examination, not stop.is_set(), request.mode is not False, fingerprint(runner.net))
        except CheckpointError as error:
            if not last:
                last = {"": np.zeros(0)}
                continue
            warnings.warn(f"{error}; it is left out", stacklevel=3)
        diagnoses.append(diagnosis)
        on_progress("checkpoints", len(diagnoses), len(all_of_them))
        judged(DiagnosisOverTime(all_of_them[: len(diagnoses)], tuple(diagnoses), paths.layers, False))
    complete = len(diagnoses) == len(all_of_them) and not stop.is_set()
    return DiagnosisOverTime(all_of_them[: len(diagnoses)], tuple(diagnoses), paths.layers, complete)


def cost_in_words(
    runner: NetRunner, samples: Samples, checkpoints: int, images: int, layers: Sequence[int], request: AblationRequest
) -> str:
    """What judging all checkpoints will cost, a sentence; found by two passes over a few images."""
    order = order_of(samples, _TIMED)
    find_out_batches(runner, samples, order)
    few = next(batches(samples, order, 0, min(len(order), _TIMED), runner.images_at_once(_TIMED)), None)
    images = min(images, len(samples))
    counted = f"{checkpoints} checkpoints, {images:,} images each"
    if few is None or not len(few.images):
        return counted
    batch = runner.batch(few.images)
    runner.run(batch)
    start = time.perf_counter()
    runner.run(batch)
    seconds = (time.perf_counter() - start) / len(batch) * images * checkpoints
    filters = sum(runner.layers[layer].out_channels for layer in layers)
    ablated = request.mode is not False
    seconds *= _PASSES + (filters if ablated else 0)
    how_long = f"{'at most' if request.mode == 'auto' else 'about'} {in_words(seconds)}"
    return f"{counted}: {how_long}" + (f", with each of {filters} filters removed in turn" * ablated)
