"""How often the gate of scores lets a net pass that has learned nothing, and one that was trained.

    python tests/benchmarks/scores.py

`use` by a score is withheld until a net is seen to have learned: `ScoreKnowledge.gate`. Untrained nets segment bright
from dark by chance, and so may meet masks of bright shapes. For three kinds of nets, none of which was looked at when
the threshold was chosen, and two kinds of images: the share of untrained nets that pass, by the t-test alone and with
the threshold, and of nets that were trained for a moment. It writes `scores.md`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "helpers")]
from filterscope.outputs.class_map import class_maps, mean_iou
from filterscope.verdicts.ablation.scoring import P_LEARNED, ScoreKnowledge

NETS, IMAGES, SIZE = 100, 60, 16
torch.set_num_threads(1)


def shapes(bright, count=IMAGES, seed=0):
    """Images of a rectangle that is brighter than the noise around it, or of another texture, with their masks."""
    random = np.random.default_rng(seed)
    images = random.normal(0, 1, (count, 1, SIZE, SIZE)).astype(np.float32)
    masks = np.zeros((count, SIZE, SIZE), np.int64)
    for image, mask in zip(images, masks, strict=True):
        top, left = random.integers(0, SIZE - 8, 2)
        height, width = random.integers(5, 9, 2)
        inside = (slice(top, top + height), slice(left, left + width))
        rows = np.arange(height)[:, None] % 2 * 4.0 - 2
        image[0][inside] += 2.5 if bright else rows
        mask[inside] = 1
    return torch.from_numpy(images), masks


def plain():
    return nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 2, 1))


def deep():
    layers = [nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU()]
    layers += [nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU()] * 2
    return nn.Sequential(*layers, nn.Conv2d(8, 2, 1))


def four_classes():
    return nn.Sequential(nn.Conv2d(1, 8, 5, padding=2), nn.Tanh(), nn.Conv2d(8, 4, 3, padding=1))


def knowledge(net, images, masks):
    with torch.no_grad():
        seen = class_maps(net.eval()(images), len(images), (SIZE, SIZE))
    own = np.array([mean_iou(one, mask) for one, mask in zip(seen, masks, strict=True)])
    others = np.array([mean_iou(one, mask) for one, mask in zip(seen, np.roll(masks, 1, 0), strict=True)])
    others[0] = np.nan
    known = ScoreKnowledge("mean IoU", True, ends=True)
    known.add(own, others)
    return known


def main():
    rows = []
    for bright in (True, False):
        images, masks = shapes(bright)
        train_images, train_masks = shapes(bright, 200, seed=1)
        for build in (plain, deep, four_classes):
            by_test = by_gate = trained = 0
            for seed in range(NETS):
                torch.manual_seed(seed)
                net = build()
                known = knowledge(net, images, masks)
                gained, p = known.learned()
                by_test += p < P_LEARNED and gained > 0
                by_gate += not known.gate(30)
                if seed < 10:
                    optimizer = torch.optim.Adam(net.parameters(), 0.01)
                    net.train()
                    for _ in range(60):
                        optimizer.zero_grad()
                        loss = nn.functional.cross_entropy(net(train_images), torch.from_numpy(train_masks))
                        loss.backward()
                        optimizer.step()
                    trained += not knowledge(net, images, masks).gate(30)
            kind = "bright rectangles" if bright else "striped rectangles"
            rows.append(
                f"| {kind} | {build.__name__.replace('_', ' ')} | {by_test} % | {by_gate} % | {10 * trained} % |"
            )
            print(rows[-1], flush=True)
    lines = [
        "# How often the gate of scores lets nets pass",
        "",
        f"Written by `scores.py`: mean IoU on {IMAGES} images, {NETS} untrained nets of each kind, and 10 that were",
        "trained for 60 steps on 200 other images.",
        "",
        "| images | net | untrained, t-test alone | untrained, with the threshold | trained |",
        "| --- | --- | ---: | ---: | ---: |",
        *rows,
        "",
    ]
    Path(__file__).with_suffix(".md").write_text("\n".join(lines))


if __name__ == "__main__":
    main()
