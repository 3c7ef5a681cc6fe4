"""`filterscope.diagnose`: does each filter detect something useful, or is it random noise?"""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from numbers import Integral
from os import PathLike
from typing import Any

import torch
from torch import nn

from filterscope.errors import kind_of
from filterscope.nets.calling import Forward
from filterscope.nets.fingerprint import fingerprint as fingerprint_of
from filterscope.nets.layer_choice import layer_indices
from filterscope.nets.runner import NetRunner
from filterscope.outputs.score import Score, same_measure
from filterscope.scans.crops import Cropper
from filterscope.scans.executors import check_executor
from filterscope.scans.identity import identify
from filterscope.scans.progress import ProgressBar, no_progress
from filterscope.scans.result import Scan
from filterscope.scans.sampling import Samples, one_at_a_time_note, runner_for
from filterscope.scans.state import ScanState
from filterscope.scans.task import DataOptions, WorkerSetup, forget
from filterscope.verdicts.examination import Examination
from filterscope.verdicts.result.conclusion import conclude
from filterscope.verdicts.result.diagnosis import Diagnosis
from filterscope.verdicts.run.division import Elsewhere, Place
from filterscope.verdicts.run.examine import OnProgress, examine, first_images
from filterscope.verdicts.run.plan import AblationPlan, in_words
from filterscope.verdicts.run.request import check_request
from filterscope.verdicts.run.start import StateDict, read_start


def diagnose(
    net: nn.Module,
    data: Any,
    images: int = 1000,
    layers: Iterable[int | str | nn.Module] | int | str | nn.Module | None = None,
    ablation: bool | str = "auto",
    *,
    classes: Sequence[str] | None = None,
    transform: Callable[[Any], Any] | None = None,
    layout: str | None = None,
    forward: Forward | None = None,
    score: Score | Callable[[Any, Any], Any] | None = None,
    start: StateDict | str | PathLike[str] | None = None,
    resume: Diagnosis | None = None,
    seconds: float | None = None,
    ablated_images: int | None = None,
    scan: bool = False,
    executor: Executor | None = None,
    net_factory: Callable[[], nn.Module] | None = None,
    data_factory: Callable[[], Any] | None = None,
    progress: bool | OnProgress = True,
    cancel: threading.Event | None = None,
) -> Diagnosis:
    """Judges every filter of a net: structured or noise, live or dead, duplicate, used or not, and what it looks for.

    Structure comes from the weights alone; whether training pulled on a filter, state, duplicates and use from the
    data. They are separate questions: a filter that never learned may well be used. Where there is too little to tell,
    the verdict says so, and why. The net is left exactly as it came.

    Args:
        net: The network, or another library's object with one inside, as `Explorer` takes it.
        data: What `Explorer` takes: a torch `Dataset`, a `DataLoader`, an array or tensor, a list of images or of
            `(image, label)`. Images the net was not trained on, with labels, tell most.
        images: How many images are looked at, drawn from all of `data` in an order that is the same every time; of a
            stream the first ones.
        layers: Which layers, by index, name or module; None for all.
        ablation: How it is measured what the net loses without each filter. `"all"` (or True): each is removed in turn
            on all of these images, which costs about a third of a forward pass for each filter and image. `"auto"`:
            on a few of them, and gradients tell the rest, or on all where that takes next to no time. False: not at
            all; use is withheld, and `estimated_rise` and `estimate`, of gradients alone, rank the filters.
        classes: Class names in the order of the net's output; by default the data set's `.classes`.
        transform: Applied to each image as the data set gives it.
        layout: `"CHW"` or `"HWC"` where the order of an image's axes is not clear.
        forward: The user's own way of calling the net, a function of a net and an image.
        score: How good the net's output for an image is: a function of the output and the sample's label that returns a
            number, the greater the better, or a `Score`. None for the loss of classes, the F1 of boxes at an IoU of 0.5
            or the mean IoU of masks, as the net's output is.
        start: What the net started from, where there is a checkpoint of it: a state dict, or the path of one, by
            `torch.save` or in safetensors' format; no file can run code. It tells for kernels of any size how far each
            filter went, and which never left their start.
        resume: An earlier diagnosis of the same net, data and layers: only the images it did not see are looked at.
        seconds: With `ablation="auto"`, about how long the whole diagnosis may take.
        ablated_images: With `ablation="auto"`, on how many images each filter is removed, 12 to 1,000; by default as
            many as take some minutes, 64 at least. A filter is called harmful only from 64 on.
        scan: Whether what `filterscope.scan` keeps of each image is kept of these, too, in `Diagnosis.scan`: so the
            images are read and the net is run on them once for both.
        executor: Where the net is run: any `concurrent.futures.Executor`, as `ProcessPoolExecutor()`, Dask's
            `client.get_executor()` or ipyparallel's `view.executor`. None for here. All sums are the same to the byte
            where torch computes in one thread here, too, as it does in other processes; else to rounding.
        net_factory: A function of a module that makes the same net in each worker of `executor`; else `net` is sent
            with each shard of 256 images.
        data_factory: The same for the data set.
        progress: Whether a bar is shown (with tqdm, where it is installed), or a function of what is done, how many
            images of it, and of how many.
        cancel: Set it from another thread to stop after the running batch.

    Returns:
        The verdicts. Stopped early, by `cancel` or by Ctrl-C, it is exact for the images seen so far and says so.

    Raises:
        TypeError: If the net, the data or an option is of the wrong kind.
        ValueError: If an option does not fit, with the valid choices, or what `executor` is sent cannot be pickled.
        NetError: If the net refuses the images or has no convolution.
        SampleError: If none of the first samples can be read.
        RuntimeError: If the workers of `executor` end over and over.

    Example:
        >>> from filterscope import demo, diagnose
        >>> diagnosis = diagnose(demo.fashion_net(), demo.fashion_test_data(), images=100, progress=False)
        >>> diagnosis.summary("conv2").startswith("conv2: ")
        True
    """
    if isinstance(images, bool) or not isinstance(images, Integral) or images < 1:
        raise ValueError(f"images is {images!r}; give how many images are looked at, 1 or more")
    began, request = time.monotonic(), check_request(ablation, ablated_images, seconds)
    if executor is not None:
        check_executor(executor)
    # Tensors made in the caller's inference mode could not be differentiated.
    with torch.inference_mode(False):
        options = DataOptions(classes=classes, transform=transform, layout=layout, forward=forward, score=score)
        opened, samples, call = options.open(net, data)
        if samples.is_stream and executor is not None:
            raise ValueError(
                "data is a stream, which can only be read from its start, so its shards cannot be read apart; give "
                "executor=None, or a data set with a length"
            )
        runner = runner_for(opened, samples, call)
        chosen = sorted(layer_indices(runner.layers, layers))
        start_kernels = None if start is None else read_start(start, runner.layers, chosen)
        fingerprint = fingerprint_of(runner.net)
        if resume is None:
            examination = Examination(runner, samples, chosen)
        else:
            examination = _resumed(resume, runner, samples, chosen, fingerprint)
        if start_kernels is not None:
            examination.start = start_kernels
        stop = cancel if cancel is not None else threading.Event()
        identity = identify(runner, samples, chosen, pre_activation=False) if scan or executor is not None else None
        with ExitStack() as stack:
            place: Place | None = None
            if executor is not None and identity is not None:
                first = first_images(examination, int(images)).tolist()
                net_sent, data_sent = None if net_factory else net, None if data_factory else data
                setup = WorkerSetup(
                    identity, first, net_sent, data_sent, options, net_factory, data_factory, asked="diagnose"
                )
                stack.callback(forget, setup)
                place = Elsewhere(executor, setup)
            examining = partial(examine, request=request, place=place, scan=scan, began=began)
            interrupted = _interrupted(examining, examination, int(images), progress, stop)
        complete = not interrupted and not stop.is_set() and not examination.cut
        diagnosis = conclude(examination, complete, request.mode is not False, fingerprint)
        if not scan or identity is None:
            return diagnosis
        notes = tuple(filter(None, [one_at_a_time_note(runner)]))
        cropper = Cropper(runner, samples, pre_activation=False)
        return replace(diagnosis, scan=Scan(identity, ScanState().merge(*examination.scanned), cropper, notes))


def _interrupted(
    examining: Callable[..., None],
    examination: Examination,
    images: int,
    progress: bool | OnProgress,
    cancel: threading.Event,
) -> bool:
    """Examines, and returns whether Ctrl-C ended that."""
    bar = ProgressBar() if progress is True else None
    on_progress = bar or (progress if callable(progress) else no_progress)

    def on_plan(plan: AblationPlan) -> None:
        if bar is not None:
            bar.expect(f"each filter on {plan.images:,} images", in_words(plan.seconds))

    try:
        examining(examination, images, on_progress=on_progress, cancel=cancel, on_plan=on_plan)
    except KeyboardInterrupt:
        warnings.warn("stopped; the result holds for the images seen so far", stacklevel=3)
        return True
    finally:
        if bar is not None:
            bar.close()
    return False


def _resumed(
    earlier: Diagnosis, runner: NetRunner, samples: Samples, chosen: list[int], fingerprint: str
) -> Examination:
    if not isinstance(earlier, Diagnosis):
        raise TypeError(f"resume is {kind_of(earlier)}; give what diagnose() returned")
    if earlier.fingerprint != fingerprint:
        raise ValueError("resume is of other weights: the net was changed since; diagnose it anew, without resume")
    if earlier.examination.layers != chosen:
        raise ValueError(f"resume looked at {', '.join(earlier.layers)}; give the same layers, or no resume")
    before = len(earlier.examination.samples)
    if not samples.is_stream and before != len(samples):
        raise ValueError(f"resume saw a data set of {before} samples, this one has {len(samples)}; give the same")
    scorer, other = earlier.examination.runner.known.scorer, runner.known.scorer
    if not same_measure(scorer, other):
        measure, other_measure = ("the loss of classes" if each is None else each.name for each in (scorer, other))
        raise ValueError(
            f"resume went by another measure ({measure}) than this does ({other_measure}); give the same score=, or no "
            "resume"
        )
    return earlier.examination.copy(runner, samples)
