"""What can be wrong with a sample, and the sentence that is said then: rows of the table of bad input."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from bad_data import BreaksOff, Raises
from bad_nets import REFUSED
from bad_rows import Bad, activation_of
from filterscope import Explorer, NetError, SampleError


def image_of(explorer: Explorer) -> np.ndarray:
    return explorer.image


def no_image(value: str) -> str:
    return f"sample 1: it is {value}, not an image; expected a tensor, an array or a PIL image"


SAMPLES = [
    Bad(
        "one sample raises",
        lambda at: image_of(at.explorer(Raises(bad=(1,)), image_index=1)),
        SampleError,
        "sample 1: the data set raised OSError: disk on fire",
    ),
    Bad(
        "one sample raises an error without words",
        lambda at: image_of(at.explorer(Raises(bad=(1,), error=KeyError()), image_index=1)),
        SampleError,
        "sample 1: the data set raised KeyError",
    ),
    Bad(
        "a stream that breaks off",
        lambda at: image_of(at.explorer(BreaksOff(), image_index=1)),
        SampleError,
        "sample 1: the data set raised ConnectionError: the server went away",
    ),
    Bad(
        "a file of a folder that is cut off",
        lambda at: image_of(at.explorer("photos", image_index=1)),
        SampleError,
        "sample 1: the data set raised OSError: the file photos/b_cut.png cannot be read: ⋯",
    ),
    Bad(
        "a file of a folder that is no picture",
        lambda at: image_of(at.explorer("photos", image_index=2)),
        SampleError,
        "sample 2: the data set raised OSError: the file photos/c_text.jpg cannot be read: it is no picture",
    ),
    Bad(
        "a list with a file that is not there",
        lambda at: image_of(at.second("gone.jpg")),
        SampleError,
        "sample 1: the file gone.jpg cannot be read: ⋯ No such file or directory",
    ),
    Bad(
        "a file of a folder that OpenCV and Pillow read wrong",
        lambda at: image_of(at.explorer("planes.tif")),
        SampleError,
        "sample 0: the data set raised OSError: the file planes.tif cannot be read: it is a TIFF file of 3 unsigned "
        "samples of 16 bits a pixel in separate planes; read it with another library, tifffile say, and give its array",
    ),
    Bad(
        "a file with very many pixels",
        lambda at: image_of(at.explorer("large.png")),
        SampleError,
        "sample 0: the file large.png has 4001 × 4000 pixels, and no picture of more than 16 million is given to the "
        "net whole; make it smaller, with transform=torchvision.transforms.Resize(512)",
    ),
    Bad("a sample that is None", lambda at: image_of(at.second(None)), SampleError, no_image("NoneType None")),
    Bad("a sample that is a string", lambda at: image_of(at.second("a cat")), SampleError, no_image("str 'a cat'")),
    Bad("a pair of numbers", lambda at: image_of(at.second((1, 2))), SampleError, no_image("int 1")),
    Bad("an empty pair", lambda at: image_of(at.second(())), SampleError, no_image("tuple ()")),
    Bad(
        "a dictionary without an image",
        lambda at: image_of(at.second({"text": "a cat", "label": 1})),
        SampleError,
        "sample 1: it is a dictionary of 'text', 'label'; expected one with 'pixel_values', 'image' or 'img', or "
        "transform= that takes the image out of it, such as transform=lambda item: item['text']",
    ),
    Bad(
        "an image with one axis",
        lambda at: image_of(at.second(torch.zeros(14))),
        SampleError,
        "sample 1: it has shape (14,); expected an image (H, W), (C, H, W) or (H, W, C)",
    ),
    Bad(
        "a batch instead of an image",
        lambda at: image_of(at.second(torch.zeros(2, 1, 14, 14))),
        SampleError,
        "sample 1: it has shape (2, 1, 14, 14); expected an image (H, W), (C, H, W) or (H, W, C); if it is a batch of "
        "2 images, give [image for batch in data for image in batch]; if it is several views of one image, give "
        "transform=lambda views: views[0]",
    ),
    Bad(
        "a pair of images for a net that is given one",
        lambda at: image_of(at.second(((torch.zeros(1, 14, 14), torch.zeros(1, 14, 14)), 1))),
        SampleError,
        "sample 1: it is 2 images, and the net is given one; forward=lambda net, images: net(*images) gives it all of "
        "them, transform=lambda images: images[0] the first alone",
    ),
    Bad(
        "an image without pixels",
        lambda at: image_of(at.second(torch.zeros(1, 0, 14))),
        SampleError,
        "sample 1: it has shape (1, 0, 14): no pixels",
    ),
    Bad(
        "an image of int64",
        lambda at: image_of(at.second(torch.zeros(1, 14, 14, dtype=torch.int64))),
        SampleError,
        "sample 1: its values are int64; expected floats, or uint8 (taken as 0 … 255 → [0, 1])",
    ),
    Bad(
        "an array of 16 bits",
        lambda at: image_of(at.second(np.zeros((14, 14), np.uint16))),
        SampleError,
        "sample 1: its values are uint16; expected floats, or uint8 (taken as 0 … 255 → [0, 1])",
    ),
    Bad(
        "an image of complex numbers",
        lambda at: image_of(at.second(np.zeros((1, 14, 14), complex))),
        SampleError,
        "sample 1: its values are complex128; expected floats, or uint8 (taken as 0 … 255 → [0, 1])",
    ),
    Bad(
        "an image of words",
        lambda at: image_of(at.second(np.full((14, 14), "cat"))),
        SampleError,
        "sample 1: its values are <U3; expected floats, or uint8 (taken as 0 … 255 → [0, 1])",
    ),
    Bad(
        "a tensor without values",
        lambda at: image_of(at.second(torch.zeros(1, 14, 14, device="meta"))),
        SampleError,
        "sample 1: its values cannot be read: ⋯",
    ),
    Bad(
        "a colour picture among gray ones",
        lambda at: activation_of(at.second(Image.new("RGB", (14, 14)))),
        NetError,
        f"the net refused an image of shape (C, H, W) = (3, 14, 14), float32: ⋯ {REFUSED}",
    ),
    Bad(
        "a transform that raises",
        lambda at: image_of(at.explorer(transform=lambda image: 1 / 0)),
        SampleError,
        "sample 0: the transform raised ZeroDivisionError: division by zero",
    ),
    Bad(
        "a transform that gives no image",
        lambda at: image_of(at.explorer(transform=lambda image: None)),
        SampleError,
        "sample 0: it is NoneType None, not an image; expected a tensor, an array or a PIL image",
    ),
    Bad(
        "as many means as no image has channels",
        lambda at: image_of(at.explorer(mean=[0.5, 0.5], std=[1, 1])),
        SampleError,
        "sample 0: mean has 2 numbers, the image 1 channels; give one each",
    ),
]
