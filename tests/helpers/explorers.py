"""What tests of the explorer share: a small data set, its selection, a request of the page."""

import torch
from torch.utils.data import TensorDataset

from nets import images


def data(count=4, channels=1):
    return TensorDataset(images(count, channels, 14, 14), torch.arange(count) % 3)


def traits(explorer):
    return explorer.image_index, explorer.layer_index, explorer.filter_index, explorer.channel, explorer.source


def ask(explorer, name, **args):
    explorer._handle_custom_msg({"kind": "request", "id": "t:1", "name": name, "args": args}, [])
