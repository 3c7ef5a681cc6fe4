"""A sentence for what is no data set, no image, and no option."""

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset

from filterscope.data.source import SampleSource
from filterscope.errors import SampleError
from nets import images


@pytest.mark.parametrize(
    ("data", "error", "sentence"),
    [
        ([], ValueError, r"the data set \(list\) is empty; give one with at least one image"),
        (torch.zeros(0, 1, 4, 4), ValueError, r"\(Tensor\) is empty"),
        (42, TypeError, "the data set is an int; expected something that gives image i as data"),
        ({"image": 1}, TypeError, "the data set is a dict of 'image'; give one part, such as data"),
        (iter([1]), TypeError, "is a list_iterator, which can be read only once"),
    ],
)
def test_what_is_no_data_set(data, error, sentence):
    with pytest.raises(error, match=sentence):
        SampleSource(data)


class Raises(Dataset):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        raise OSError("truncated file")


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (["a cat"], r"sample 0: it is str 'a cat', not an image; expected a tensor, an array or a PIL image"),
        (["a.png"], r"sample 0: the file a.png cannot be read: \[Errno 2\] No such file"),
        ([None], "sample 0: it is NoneType None, not an image"),
        ([(1, 2)], "it is int 1, not an image"),
        ([()], r"it is tuple \(\), not an image"),
        ([torch.zeros(4)], r"it has shape \(4,\); expected an image"),
        ([torch.zeros(2, 3, 4, 4)], r"it has shape \(2, 3, 4, 4\)"),
        ([torch.zeros(1, 0, 4)], r"it has shape \(1, 0, 4\): no pixels"),
        ([torch.zeros(1, 4, 4, dtype=torch.int64)], "its values are int64; expected floats, or uint8"),
        ([np.zeros((1, 4, 4), complex)], "its values are complex128"),
        (Raises(), "sample 0: the data set raised OSError: truncated file"),
    ],
)
def test_a_sample_that_is_no_image(data, sentence):
    with pytest.raises(SampleError, match=sentence) as caught:
        SampleSource(data).read(0)
    assert caught.value.index == 0 and caught.value.cause in str(caught.value)


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({"transform": 3}, TypeError, "transform is an int; give a function of one image"),
        ({"mean": 0.5}, ValueError, "mean and std are given together"),
        ({"mean": 0.5, "std": 0}, ValueError, "std is 0; give a number, or one for each channel, above 0"),
        ({"layout": "WHC"}, ValueError, "layout is 'WHC'; choose 'CHW', 'HWC', 'NCHW', 'NHWC', 'NHW', 'NL' or None"),
        ({"classes": "cat"}, TypeError, "classes is str 'cat'; give a list of names"),
        ({"classes": 3}, TypeError, "classes is int 3"),
    ],
)
def test_options_that_do_not_fit(options, error, sentence):
    with pytest.raises(error, match=sentence):
        SampleSource([images(1, 4, 4)], **options)


def test_mean_of_another_number_of_channels():
    with pytest.raises(SampleError, match="mean has 2 numbers, the image 3 channels"):
        SampleSource([images(3, 4, 4)], mean=[0, 0], std=[1, 1]).read(0)


def test_a_raising_transform_is_named():
    with pytest.raises(SampleError, match="the transform raised ZeroDivisionError"):
        SampleSource([images(1, 4, 4)], transform=lambda image: 1 / 0).read(0)


@pytest.mark.parametrize(
    ("rank", "shape", "sentence"),
    [
        (1, (2, 3, 4, 4), r"expected an image \(L\) or \(C, L\)"),
        (3, (4, 4), r"expected an image \(D, H, W\) or \(C, D, H, W\)"),
    ],
)
def test_a_sample_of_another_rank_says_which_axes_are_expected(rank, shape, sentence):
    with pytest.raises(SampleError, match=sentence):
        SampleSource([torch.zeros(shape)], inputs=[(rank, None)]).read(0)
