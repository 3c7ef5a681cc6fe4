"""The kernels to begin with are the textbooks': OpenCV's own, where it has them."""

import cv2
import numpy as np
import pytest

from filterscope import Explorer, demo
from filterscope.lab.presets import random_like, template_of, textbook_kernels

ROUND = ((3, 3), (5, 5), (7, 7))


@pytest.mark.parametrize("size", ROUND)
def test_sobel_and_gaussian_are_opencvs(size):
    kernels = textbook_kernels(size)
    side = size[0]
    for name, dx, dy in (("bright right", 1, 0), ("bright above", 0, 1)):
        along, across = cv2.getDerivKernels(dx, dy, side)
        sign = -1 if dy else 1
        np.testing.assert_array_equal(kernels[f"Sobel, {name}"], sign * np.multiply.outer(across[:, 0], along[:, 0]))
    gaussian = cv2.getGaussianKernel(side, -1)[:, 0]
    np.testing.assert_allclose(kernels["Gaussian"], np.multiply.outer(gaussian, gaussian), rtol=1e-6)


def test_of_three_by_three_they_are_the_textbooks_numbers():
    kernels = {name: kernel.tolist() for name, kernel in textbook_kernels((3, 3)).items()}
    assert kernels["Prewitt, bright right"] == [[-1, 0, 1]] * 3
    assert kernels["Sobel, bright upper right"] == [[0, 1, 2], [-1, 0, 1], [-2, -1, 0]]
    assert kernels["Sobel, bright upper left"] == [[2, 1, 0], [1, 0, -1], [0, -1, -2]]
    assert kernels["Laplacian"] == [[0, 1, 0], [1, -4, 1], [0, 1, 0]]
    assert kernels["sharpen"] == [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]
    assert kernels["identity"] == [[0, 0, 0], [0, 1, 0], [0, 0, 0]]


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (5, 1), (2, 2), (4, 4), (3, 5), (7,), (11, 11), (2, 3, 3)])
def test_every_size_has_kernels_that_keep_their_promises(size):
    plane = np.zeros((21, 21) if len(size) > 1 else (1, 21), np.float32)
    plane[:, 11:] = 1
    for name, kernel in textbook_kernels(size).items():
        assert kernel.shape == size[-2:] and kernel.dtype == np.float32 and np.isfinite(kernel).all(), name
        total = float(kernel.sum(dtype=np.float64))
        if name.startswith(("box", "Gaussian", "identity", "sharpen")):
            assert total == pytest.approx(1, abs=1e-6), name
        elif kernel.size > 2:
            assert total == pytest.approx(0, abs=1e-5), name
        if name.endswith("bright right") and kernel.shape[-1] > 1:
            response = cv2.filter2D(plane, -1, kernel.reshape(1, -1) if kernel.ndim == 1 else kernel)
            assert response[:, 10:12].max() > 0 >= response.min() - 1e-6


def test_the_verdicts_template_is_its_part_of_the_kernel_and_random_is_like_the_layer():
    explorer = Explorer(demo.fashion_net(), demo.fashion_test_data())
    kernels = explorer.layers[0].kernels
    named = [number for number in range(len(kernels)) if template_of(kernels, number) is not None]
    assert named
    for number in named:
        name, template = template_of(kernels, number)
        own = kernels[number]
        assert template.shape == own.shape and name
        # An orthogonal projection: what it leaves over has nothing of it.
        assert float((template * (own - template)).sum()) == pytest.approx(0, abs=1e-5)
        assert np.linalg.norm(template) > 0.5 * np.linalg.norm(own)
    drawn = random_like(explorer.layers[1].kernels)
    np.testing.assert_array_equal(drawn, random_like(explorer.layers[1].kernels))
    assert abs(drawn.std() / explorer.layers[1].kernels.std() - 1) < 0.3


def test_the_kernel_of_the_start_is_there_once_a_diagnosis_was_told():
    net, start = demo.fashion_net(), demo.fashion_net(epoch=0).state_dict()
    explorer = Explorer(net, demo.fashion_test_data(), layer_index=1, filter_index=3)
    name = "the start of the training"
    assert name not in explorer.lab.presets(1, 3)
    explorer.diagnose(layers="conv2", images=10, ablation=False, start=start).wait()
    explorer.kernel = explorer.lab.presets(1, 3)[name]
    np.testing.assert_array_equal(explorer.kernel, start["conv2.weight"][3])
    np.testing.assert_array_equal(explorer.edited_net().conv2.weight[3].detach(), start["conv2.weight"][3])
    assert name not in explorer.lab.presets(0, 3)  # the diagnosis did not look at that layer
    explorer.diagnose(layers="conv2", images=10, ablation=False).wait()
    assert name in explorer.lab.presets(1, 3)
