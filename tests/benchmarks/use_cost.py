"""What finding the use of filters costs in ResNet-18 at 224 px: CPU seconds of single passes, extrapolated.

    python tests/benchmarks/use_cost.py [--device cuda] [--net resnet18] [--images 7000] [--ablated 32]

Measured are looking at a few images with and without linearised logits, and ablating on two images every filter of some
layers; the rest follows from the plan's count of passes. Weights are random: they change no time. With `--device cuda`
and a net of one's own on a GPU, `--whole` runs the diagnosis itself and says how long it took.
"""

import argparse
import time

import numpy as np
import torch
import torchvision

from filterscope import diagnose
from filterscope.verdicts.ablation.linearised import LINEARISED_IMAGES
from filterscope.verdicts.run.ablate import AblatingRows
from filterscope.verdicts.run.look import Looking
from filterscope.verdicts.run.plan import plan
from filterscope.verdicts.run.request import AblationRequest


def data(count, size=224):
    generator = np.random.default_rng(0)
    return generator.standard_normal((count, 3, size, size)).astype(np.float32), np.arange(count) % 1000


def clock(function):
    start = time.process_time()
    result = function()
    return result, time.process_time() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--net", default="resnet18")
    parser.add_argument("--images", type=int, default=7000)
    parser.add_argument("--ablated", type=int, default=32)
    parser.add_argument("--layers", type=int, nargs="*", default=[4, 13])
    parser.add_argument("--whole", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    net = getattr(torchvision.models, options.net)(weights=None).eval().to(options.device)
    if options.whole:
        start = time.monotonic()
        found = diagnose(net, data(options.images), options.images, ablated_images=options.ablated)
        print(f"{time.monotonic() - start:.1f} s for {found.images} images and {len(found.filters)} filters")
        return
    found = diagnose(net, data(4), images=4, ablation=False, progress=False)
    sums = found.examination
    work = {
        linearise: Looking(tuple(sums.layers), sums.order.tolist(), sums.premises, False, linearise)
        for linearise in (False, True)
    }
    looks = {}
    for linearise, looking in work.items():
        _, seconds = clock(lambda looking=looking: list(looking(sums.runner, sums.samples, sums.order)))
        looks[linearise] = seconds / 4
    print(f"looking at an image {looks[False]:.3f} s, with linearised logits {looks[True]:.3f} s")
    planned = plan(sums, AblationRequest("auto", 12), None)
    batch = sums.runner.batch(np.stack([sums.samples.read(k).image for k in range(4)]))
    one = min(clock(lambda: sums.runner.run(batch))[1] for _ in range(2)) / 4
    measured = []
    for layer in options.layers:
        count = len(sums.means[layer])
        live = np.arange(count) < 24
        rows = AblatingRows(layer, sums.means[layer], live, sums.premises)
        _, seconds = clock(lambda rows=rows: list(rows(sums.runner, sums.samples, sums.order)))
        per_filter = seconds / 4 / 24
        expected = one * (planned.passes[layer] - 3) / max(planned.filters[layer], 1) + one * 3 / 24
        measured.append(per_filter / expected)
        print(f"layer {layer}: {per_filter:.4f} s a filter and image; the plan says {expected:.4f}")
    factor = float(np.mean(measured))
    filters = {layer: len(means) for layer, means in sums.means.items()}
    passes = sum(planned.passes[layer] / max(planned.filters[layer], 1) * filters[layer] for layer in filters)
    near = min(LINEARISED_IMAGES, options.images)
    looking = near * looks[True] + (options.images - near) * looks[False]
    ablating, every = (images * passes * one * factor for images in (options.ablated, 1000))
    print(
        f"a pass {one:.4f} s; {passes:.0f} an image for {sum(filters.values())} filters; took {factor:.2f} of the plan"
    )
    print(
        f"looking {looking / 60:.1f} min, ablating on {options.ablated} images {ablating / 60:.1f} min, together "
        f"{(looking + ablating) / 60:.1f} min; on all of 1,000 images {every / 3600:.1f} h"
    )


if __name__ == "__main__":
    main()
