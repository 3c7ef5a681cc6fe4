"""Write the demo network's card, models/README.md, from what train.py measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

TEMPLATE = """\
# The demo network's card

Written by `models/train.py` from what it measured; the same numbers are in `fashion_net/card.json`. Don't edit it: the
words are in `models/card.py`.

`filterscope.demo.fashion_net()` classifies 28×28 gray images of clothes into the ten classes of FashionMNIST. It gets
**{accuracy:.2%}** of all 10,000 test images right.

**For:** having a real, small network to look into; seeing filters grow from random weights
(`fashion_net(epoch=0)`) to trained ones, epoch by epoch; tests. **Not for:** recognising clothes in photographs, or
comparing methods: it is a network from a first course, far from the best that is known for this data.

## Network
| layer | what it does | output |
| --- | --- | --- |
| `conv1` | `Conv2d(1, 10, 3)`, then `F.relu` | 10×26×26 |
| `pool` | `MaxPool2d(2, 2)` | 10×13×13 |
| `conv2` | `Conv2d(10, 20, 3)`, then `F.relu` | 20×11×11 |
| `pool` | the same module again, then flattened | 20×5×5 = 500 |
| `fc1` | `Linear(500, 50)`, then `F.relu` | 50 |
| `fc1_drop` | `Dropout(p=0.4)`, in training only | 50 |
| `fc2` | `Linear(50, 10)`: logits, no softmax | 10 |

27,480 parameters. Input: float32 `(N, 1, 28, 28)` in [0, 1], exactly what `torchvision.transforms.ToTensor()` gives;
no `Normalize`.

## Data
FashionMNIST by Zalando Research (Han Xiao, Kashif Rasul, Roland Vollgraf, 2017, arXiv:1708.07747;
github.com/zalandoresearch/fashion-mnist), MIT licence, © 2017 Zalando SE: 60,000 training images, all used for
training, and 10,000 test images, used for nothing but the table below. The test files ship with the package, byte for
byte as published, with their licence
([demo_files/fashion_mnist](../widget_pkg/filterscope/demo_files/fashion_mnist/LICENSE)).

## Training
{recipe[optimizer]}, learning rate {recipe[learning_rate]}, {recipe[schedule]}; batches of {recipe[batch]};
{recipe[loss]}; no augmentation; {recipe[epochs]} epochs, seed {seed}. Recipe and number of epochs were fixed before the
first run, and no other was tried: the released weights are those of the last epoch, not of the one that does best on
the test images.

Made with PyTorch {versions[torch]}, NumPy {versions[numpy]}, Python {versions[python]}, {versions[threads]} threads on
{versions[machine]}. With the same of all these, `python models/train.py --data FOLDER --seed {seed}` gives the same
files again; `models/train.py` says where to get the training files.

## Results
Loss (cross entropy) and accuracy over all training and all test images after each epoch, in eval mode. Epoch 0 is the
untrained network.

| epoch | training loss | training accuracy | test loss | test accuracy |
| --- | --- | --- | --- | --- |
{epochs}

Test accuracy of the released weights, by class:

| class | accuracy |
| --- | --- |
{by_class}

## Files
Each is a plain state dict: `torch.load(path, weights_only=True)`.

| file | sha256 |
| --- | --- |
{files}
"""


def write_card(card: dict[str, Any], path: Path) -> None:
    """Write the card as Markdown.

    Args:
        card: What `train.py` measured, as in `fashion_net/card.json`.
        path: The file to write.
    """
    checkpoints = card["checkpoints"]
    epochs = [
        f"| {record['epoch']} | {record['train_loss']:.4f} | {record['train_accuracy']:.2%} "
        f"| {record['test_loss']:.4f} | {record['test_accuracy']:.2%} |"
        for record in checkpoints
    ]
    by_class = [f"| {name} | {accuracy:.1%} |" for name, accuracy in card["test_accuracy_by_class"].items()]
    files = [f"| `fashion_net/{record['file']}` | `{record['sha256']}` |" for record in checkpoints]
    text = TEMPLATE.format(
        accuracy=checkpoints[-1]["test_accuracy"],
        recipe=card["recipe"],
        seed=card["seed"],
        versions=card["versions"],
        epochs="\n".join(epochs),
        by_class="\n".join(by_class),
        files="\n".join(files),
    )
    path.write_text(text, encoding="utf-8")
