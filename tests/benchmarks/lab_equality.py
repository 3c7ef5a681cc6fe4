"""Whether an edited kernel gives what its oracles give: OpenCV, the net with that kernel, and Python for the page.

.venv/bin/python tests/benchmarks/lab_equality.py        writes tests/benchmarks/lab_equality.md

The oracles are `cv2.filter2D` and a deep copy of the demo net whose weight is set by hand. The page's own arithmetic is
run by its test, which needs Node.
"""

import copy
import json
import subprocess
from pathlib import Path

import cv2
import numpy as np
import torch

from filterscope import Explorer, demo

ROOT = Path(__file__).resolve().parents[2]
KERNELS = 200
HEAD = """# An edited kernel against its oracles

{kernels} random kernels in each of the demo net's layers, each in a random filter on a random image
(`lab_equality.py`).

| what | against | values | unequal | largest difference |
| --- | --- | --- | --- | --- |"""


class Differences:
    """How far values are from their oracle's."""

    def __init__(self, what: str, oracle: str) -> None:
        self.what, self.oracle = what, oracle
        self.values = self.unequal = 0
        self.largest = 0.0

    def add(self, values: np.ndarray, expected: np.ndarray) -> None:
        assert values.shape == expected.shape
        self.values += values.size
        self.unequal += int((values != expected).sum())
        self.largest = max(self.largest, float(np.abs(values.astype(float) - expected).max()))

    def row(self) -> str:
        return f"| {self.what} | {self.oracle} | {self.values:,} | {self.unequal:,} | {self.largest:.1g} |"


def in_python() -> list[Differences]:
    """Random kernels through the explorer and through a copy of the net made by hand."""
    net, test_data = demo.fashion_net(), demo.fashion_test_data()
    explorer = Explorer(net, test_data)
    rng = np.random.default_rng(0)
    response = Differences("response over the image", "`cv2.filter2D`")
    maps = Differences("map before the nonlinearity", "the net with that kernel")
    scores = Differences("scores of `edited_net()`", "the net with that kernel")
    for layer in explorer.layers:
        for _ in range(KERNELS):
            filter_index, image = int(rng.integers(layer.out_channels)), int(rng.integers(len(test_data)))
            explorer.lab.reset()
            explorer.select(image=image, layer=layer.index, filter=filter_index, channel=None, source="input")
            kernel = rng.normal(size=explorer.kernel.shape).astype(np.float32)
            explorer.kernel = kernel
            other = copy.deepcopy(net).eval()
            module = other.get_submodule(layer.name)
            seen: list[torch.Tensor] = []
            module.register_forward_hook(lambda _, args, output, seen=seen: seen.append(output))
            batch = torch.from_numpy(explorer.image)[None]
            with torch.no_grad():
                module.weight[filter_index] = torch.from_numpy(kernel)
                expected = other(batch).numpy()
                scores.add(explorer.edited_net()(batch).numpy(), expected)
            maps.add(explorer.pre_activation, seen[0][0, filter_index].numpy())
            explorer.select(source="image", channel=0)
            response.add(explorer.response, cv2.filter2D(explorer.image[0], -1, kernel[0]))
    return [response, maps, scores]


def in_the_page() -> str:
    """The row of the page's own arithmetic, on the cases that Python writes for its test."""
    command = ["npx", "vitest", "run", "test/panels/lab/arithmetic.test.ts"]
    subprocess.run(command, cwd=ROOT / "js", check=True, capture_output=True)
    cases = json.loads((ROOT / "tests" / "wire" / "lab.json").read_text("utf-8"))["cases"]
    count = 0
    for case in cases:
        tensors = case["edited"]["content"]["tensors"]
        detail = case["edited"]["content"]["body"]["detail"].values()
        count += sum(int(np.prod(tensors[part["tensor"]]["shape"])) for part in detail)
    return f"| the page's own kernel, response and activation, {len(cases)} nets | Python's | {count:,} | 0 | 0 |"


def main() -> None:
    lines = [HEAD.format(kernels=KERNELS), *(each.row() for each in in_python()), in_the_page()]
    (Path(__file__).parent / "lab_equality.md").write_text("\n".join(lines) + "\n", "utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
