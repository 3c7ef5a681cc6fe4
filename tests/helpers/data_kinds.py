"""What people have: data sets of every kind, and what the explorer makes of them; docs/reference/data.md shows it.

To add a row: say what it is and what becomes of it, and write a function that gives a `Given`: the data set, and what
the net is to be given as image 0, as an oracle computes it.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import torch
from PIL import Image
from torch.utils.data import ConcatDataset, DataLoader, Subset, TensorDataset
from torchvision import transforms as v1
from torchvision.models import ResNet18_Weights

from data_loaders import LOADERS
from data_parts import COLUMNS, PARTS
from data_rows import (
    BYTES,
    COLOURS,
    FLOATS,
    GRAY_FLOATS,
    GRAYS,
    NAMES,
    NUMBERS,
    PICTURES,
    Given,
    HuggingFace,
    Items,
    Kind,
    Stream,
    Vision,
    file_of,
    folder_of,
    pairs,
)
from data_transforms import TRANSFORMS, V1, undone
from picture_files import png, tiff

DEEP = np.random.default_rng(1).integers(0, 65536, (16, 20, 3)).astype(np.uint16)


SIGNED = np.linspace(-40, 40, 320).reshape(16, 20)

ARRAYS = [
    Kind(
        "tensor `(N, C, H, W)`",
        "N images",
        lambda at: Given(FLOATS, FLOATS[0]),
    ),
    Kind(
        "tensor `(N, H, W, C)`",
        "N images; the last axis has as many entries as the net takes channels",
        lambda at: Given(FLOATS.permute(0, 2, 3, 1), FLOATS[0]),
    ),
    Kind(
        "NumPy array `(N, C, H, W)` of any float",
        "N images",
        lambda at: Given(FLOATS.double().numpy(), FLOATS[0]),
    ),
    Kind(
        "NumPy array `(N, H, W, C)`, uint8",
        "N images; 0 … 255 becomes 0 … 1",
        lambda at: Given(COLOURS, FLOATS[0], note=BYTES),
    ),
    Kind(
        "array `(N, H, W)`",
        "N gray images",
        lambda at: Given(GRAYS, GRAY_FLOATS[0], channels=1, note=BYTES),
    ),
    Kind(
        "array `(C, H, W)` or `(H, W, C)`, C the net's input channels, more than one",
        "one image",
        lambda at: Given(COLOURS[0], FLOATS[0], count=1),
    ),
    Kind(
        "array `(H, W)`",
        "one gray image",
        lambda at: Given(GRAYS[0], GRAY_FLOATS[0], channels=1, count=1),
    ),
    Kind(
        "an array whose axes are not clear, with `layout=`",
        "as `layout` says: `CHW`, `HWC`, `NCHW`, `NHWC` or `NHW`",
        lambda at: Given(FLOATS[:, :, :3, :3].permute(0, 2, 3, 1), FLOATS[0, :, :3, :3], options={"layout": "NHWC"}),
    ),
    Kind(
        'array `(N, L)` of rows of pixels with `layout="NL"`, and any data set of rows',
        "N vectors, of which `transform=lambda row: row.reshape(H, W)` makes pictures; without `layout` an array of "
        "two axes is one gray picture, which the view says",
        lambda at: Given(
            GRAY_FLOATS.reshape(5, -1).numpy(),
            GRAY_FLOATS[0],
            channels=1,
            options={"layout": "NL", "transform": lambda row: row.reshape(16, 20)},
            note="Made by your transform.",
        ),
    ),
    Kind(
        "a pair of rows and labels, `(X, y)` with `X` of two axes, for a net of images",
        "N vectors with labels",
        lambda at: Given(
            (GRAY_FLOATS.reshape(5, -1), NUMBERS),
            GRAY_FLOATS[0],
            channels=1,
            label=1,
            options={"transform": lambda row: row.reshape(16, 20)},
        ),
    ),
    Kind(
        "vectors, as a generator takes them: a list of them, a data set, or an array `(N, Z)`",
        "each is given to the net as `(1, Z)`, and drawn as one row",
        lambda at: Given(
            list(FLOATS.reshape(5, -1)),
            FLOATS[0].reshape(1, -1),
            options={"forward": lambda net, vector: net(vector.reshape(-1, 3, 16, 20))},
        ),
    ),
    Kind(
        "a pair of images and labels, `(X, y)`, each an array or a list",
        "N images with labels",
        lambda at: Given((COLOURS, np.array(NUMBERS)), FLOATS[0], label=1),
    ),
    Kind(
        "one PIL image",
        "one image",
        lambda at: Given(PICTURES[0], FLOATS[0], count=1, note="PIL image: " + BYTES),
    ),
]


DATA_SETS = [
    Kind(
        "list of arrays, tensors or PIL images, also of several sizes",
        "as many images",
        lambda at: Given([*PICTURES[:2], FLOATS[2], COLOURS[3, :9], FLOATS[4]], FLOATS[3, :, :9], at=3),
    ),
    Kind(
        "`Dataset` that gives an image",
        "no labels",
        lambda at: Given(Items(list(FLOATS)), FLOATS[0]),
    ),
    Kind(
        "`Dataset` that gives `(image, label)`, or more",
        "what comes after the label is left alone",
        lambda at: Given(Items([(one, 2, "a.png", {"box": 1}) for one in FLOATS]), FLOATS[0], label=2),
    ),
    Kind(
        "`Dataset` that gives `{'image', 'label'}`, also `'img'`, `'pixel_values'`, `'labels'`",
        "image and label",
        lambda at: Given(Items([{"pixel_values": one, "labels": 2} for one in FLOATS]), FLOATS[0], label=2),
    ),
    Kind(
        "`TensorDataset`",
        "image and label",
        lambda at: Given(TensorDataset(FLOATS, torch.tensor(NUMBERS)), FLOATS[0], label=1),
    ),
    Kind(
        "torchvision's data sets",
        "class names from `.classes`",
        lambda at: Given(Vision(transform=v1.ToTensor()), FLOATS[0], label="dog"),
    ),
    Kind(
        "`Subset`",
        "the images it names, with the class names of what it is a part of",
        lambda at: Given(Subset(Vision(), [3, 2]), FLOATS[2], at=1, count=2, label="bird"),
    ),
    Kind(
        "`ConcatDataset`",
        "one after the other; each part's own Normalize is undone",
        lambda at: undone(
            ConcatDataset([Vision(transform=v1.ToTensor()), Vision(transform=V1)]), at=5, count=10, label="dog"
        ),
    ),
    Kind(
        "`DataLoader`, also with `shuffle=True`",
        "its `.dataset`, in order, one image at a time",
        lambda at: Given(DataLoader(Vision(transform=v1.ToTensor()), 2, shuffle=True), FLOATS[0], label="dog"),
    ),
    Kind(
        "`IterableDataset`, a loader of one, or anything else that `iter` starts anew",
        "read from its start as far as you go; the slider grows",
        lambda at: Given(DataLoader(Stream()), FLOATS[3], at=3, label="dog"),
    ),
    Kind(
        "Hugging Face data set",
        "class names from `features['label'].names`",
        lambda at: Given(
            HuggingFace({"image": PICTURES, "label": NUMBERS}, {"label": SimpleNamespace(names=list(NAMES))}),
            FLOATS[0],
            label="dog",
        ),
    ),
    Kind(
        "path of a folder of pictures",
        "sorted by name; in colour or gray as the net takes them",
        lambda at: Given(str(folder_of(at, "b.png", "a.png", "c.bmp")), FLOATS[1], count=3),
    ),
    Kind(
        "path of a folder of class folders",
        "labels as `torchvision.datasets.ImageFolder` gives them",
        lambda at: Given(folder_of(at, "dog/1.png", "cat/7.png", "cat/8.png"), FLOATS[0], at=2, count=3, label="dog"),
    ),
    Kind(
        "list of paths of pictures",
        "as many images",
        lambda at: Given(sorted(folder_of(at, "b.png", "a.png").iterdir()), FLOATS[1], count=2),
    ),
    Kind(
        "pairs `((a, b), label)` or `(a, b, label)`, triplets, an image with a mask or vector, a dictionary of several",
        "`forward=lambda net, pair: net(*pair)` receives all inputs, each as a batch of one; the first image is "
        'the one that is shown; receptive fields and `source="image"` are of that one',
        lambda at: Given(
            [((FLOATS[i], FLOATS[4 - i]), i) for i in range(5)],
            FLOATS[0],
            label=0,
            options={"forward": lambda net, pair: net(pair[0]) - net(pair[1])},
        ),
    ),
    Kind(
        "clips `(T, C, H, W)` or `(C, T, H, W)` for a net of images, with `forward=lambda net, clip: net(clip)`",
        "as they are; the middle frame is drawn",
        lambda at: Given(
            torch.stack([FLOATS, FLOATS]),
            FLOATS,
            count=2,
            options={"forward": lambda net, clip: net(clip.flatten(0, 1))},
            display=FLOATS[2],
        ),
    ),
    Kind(
        "signals `(N, C, L)` for a 1-D net, volumes `(N, C, D, H, W)` for a 3-D one",
        "in their own shape; a signal's channels are drawn as rows, of a volume the middle slice",
        lambda at: Given(FLOATS[:, :, 0], FLOATS[0, :, 0], options={"rank": 1}, display=FLOATS[0, :, 0]),
    ),
    Kind(
        "still images, of any kind, for a net of clips `(C, D, H, W)`",
        "each is given to the net as a clip of 16 equal frames; an array whose first axis and another one have as many "
        "entries as the net takes channels is stills, a clip of so few frames goes into a list",
        lambda at: Given(
            FLOATS,
            FLOATS[0][:, None].expand(-1, 16, -1, -1),
            options={"rank": 3},
            display=FLOATS[0],
            note="16 equal frames",
        ),
    ),
    Kind(
        "clips whose frames come first, `(D, C, H, W)` or `(D, H, W, C)`",
        "the axes as the net takes them; the middle frame is drawn",
        lambda at: Given(
            [FLOATS, FLOATS], FLOATS.transpose(0, 1), count=2, options={"rank": 3}, display=FLOATS[2], note="first axis"
        ),
    ),
]


FILES = [
    Kind(
        "file or PIL image of 16 bits, gray",
        "0 … 65535 becomes 0 … 1",
        lambda at: Given(
            [file_of(at, "a.png", png(DEEP[..., 0])), Image.fromarray(DEEP[..., 0])],
            DEEP[None, ..., 0] / 65535,
            channels=1,
            count=2,
            note="16 bits: 0 … 65535 given to the net as 0 … 1.",
        ),
    ),
    Kind(
        "file of 16 bits in colours, PNG, PPM or TIFF",
        "0 … 65535 becomes 0 … 1, read by OpenCV; a `transform=` receives the 8 bits that Pillow keeps",
        lambda at: Given(file_of(at, "a.tif", tiff(DEEP)), np.moveaxis(DEEP, -1, 0) / 65535, count=1, note="16 bits"),
    ),
    Kind(
        "TIFF file of signed numbers, of 32 or of 64 bits, PIL image of mode `I` or `F`",
        "the numbers as they are, and the view says from where to where",
        lambda at: Given(
            file_of(at, "a.tif", tiff(SIGNED)),
            SIGNED[None],
            channels=1,
            count=1,
            display=((SIGNED - SIGNED.min()) / np.ptp(SIGNED))[None],
            note="64-bit floats, given to the net as they are (−40 … 40).",
        ),
    ),
    Kind(
        "photograph with an EXIF orientation, in a file",
        "turned upright, as `cv2.imread` does; a PIL image that a data set gives is not, and the view says so",
        lambda at: Given(
            file_of(at, "a.tif", tiff(COLOURS[0], orientation=6)),
            FLOATS[0].rot90(-1, (1, 2)),
            count=1,
            note="Turned by 90° to the right, as its EXIF orientation says.",
        ),
    ),
    Kind(
        "file of several pictures: GIF, PNG, WebP, TIFF",
        "the first one",
        lambda at: Given(
            file_of(at, "a.tif", tiff(*COLOURS[:3])), FLOATS[0], count=1, note="The first of several pictures"
        ),
    ),
    Kind(
        "file with transparency, and a net of 1 or 3 channels",
        "without it; a net of 4 channels gets RGBA",
        lambda at: Given(
            file_of(at, "a.png", png(np.dstack([COLOURS[0], GRAYS[1]]))),
            FLOATS[0],
            count=1,
            note="Its transparency is left out.",
        ),
    ),
    Kind(
        "PIL image of a palette, `P` or `PA`",
        "its colours, RGBA where some are transparent, or as many channels as the net takes",
        lambda at: Given([Image.fromarray(GRAYS[0]).convert("P")], FLOATS[0, [0, 0, 0]], count=1),
    ),
    Kind(
        "CMYK, also of JPEG files, YCbCr, HSV or LAB",
        "RGB, and the view says so",
        lambda at: Given([PICTURES[0].convert("CMYK")], FLOATS[0], count=1, note="CMYK, made RGB."),
    ),
]


LABELS = [
    Kind(
        "label: an int, also of NumPy or torch, or a whole float",
        "the class of that number",
        lambda at: Given(Items([(FLOATS[0], torch.tensor([2.0]))], classes=NAMES), FLOATS[0], count=1, label="bird"),
    ),
    Kind(
        "label: a name",
        "that name",
        lambda at: Given([(FLOATS[0], np.str_("cat"))], FLOATS[0], count=1, label="cat"),
    ),
    Kind(
        "label: one-hot",
        "the class at the one",
        lambda at: Given(Items([(FLOATS[0], [0, 1, 0])], classes=NAMES), FLOATS[0], count=1, label="dog"),
    ),
    Kind(
        "class names in `.class_to_idx`",
        "by number",
        lambda at: Given(Items(pairs(FLOATS), class_to_idx={"dog": 1, "cat": 0}), FLOATS[0], label="dog"),
    ),
    Kind(
        "class names in `.idx_to_class`, `.categories`, `.vocab`, `.id2label` or `.info['label']`",
        "by number, also where the numbers are strings, as JSON has them",
        lambda at: Given(
            Items(pairs(FLOATS), info={"label": {"0": "cat", "1": "dog", "10": "cow", "2": "bird"}}),
            FLOATS[0],
            label="dog",
        ),
    ),
    Kind(
        "several classes of one name",
        "each is named with its number",
        lambda at: Given(
            Items([(FLOATS[0], 2)], classes=("crane", "dog", "crane")), FLOATS[0], count=1, label="crane (2)"
        ),
    ),
    Kind(
        "`classes=` a list, a dictionary in either direction, an enumeration, an object with `id2label` or `names`, or "
        "torchvision weights",
        "used instead of the data set's own",
        lambda at: Given(
            [(FLOATS[0], 207)],
            FLOATS[0],
            count=1,
            label="golden retriever",
            options={"classes": ResNet18_Weights.DEFAULT},
        ),
    ),
]


CHANNELS = [
    Kind(
        "images of 1 or 3 channels",
        "gray, or in colour",
        lambda at: Given(GRAY_FLOATS, GRAY_FLOATS[0], channels=1),
    ),
    Kind(
        "images of 4 channels, in 0 … 1",
        "RGBA over a checkerboard",
        lambda at: Given(
            torch.cat([FLOATS, torch.ones(5, 1, 16, 20)], 1),
            torch.cat([FLOATS[0], torch.ones(1, 16, 20)]),
            channels=4,
            display=FLOATS[0],
            note="Transparent over a checkerboard.",
        ),
    ),
    Kind(
        "images of 2 channels, or more than 4",
        "one channel at a time: the one that the kernel looks at, or the one that you choose",
        lambda at: Given(
            FLOATS.repeat(1, 8, 1, 1),
            FLOATS[0].repeat(8, 1, 1),
            channels=24,
            display=FLOATS[0, :1],
            note="Channel 0 of 24.",
        ),
    ),
]


TABLE = {
    "Arrays and single images": ARRAYS,
    "Arrays side by side": COLUMNS,
    "Data sets": DATA_SETS,
    "Kinds of pictures": FILES,
    "Loaders and batches": LOADERS,
    "Which part of a sample is the image": PARTS,
    "Labels and class names": LABELS,
    "Transforms and Normalize": TRANSFORMS,
    "Channels": CHANNELS,
}
