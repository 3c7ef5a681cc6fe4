"""The demo network and its data: what the card says is so, and reading them changes nothing for the caller."""

import gzip
import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.datasets import FashionMNIST
from torchvision.transforms import ToTensor

import filterscope.demo as demo
from filterscope.demo import FashionNet, FashionTestData, fashion_net, fashion_test_data

CHECKOUT = Path(__file__).resolve().parents[2]
CHECKPOINTS = CHECKOUT / "models" / "fashion_net"
CARD = json.loads((CHECKPOINTS / "card.json").read_text(encoding="utf-8"))
RECORDS = {record["epoch"]: record for record in CARD["checkpoints"]}
LAST = max(RECORDS)


@pytest.fixture(scope="module")
def test_data():
    return fashion_test_data()


@pytest.fixture(scope="module")
def all_images(test_data):
    """All 10,000 images by way of the data set's items, as a user's loop reads them."""
    images, labels = zip(*(test_data[index] for index in range(len(test_data))), strict=True)
    return torch.stack(images), torch.tensor(labels)


def accuracy(net, all_images):
    images, labels = all_images
    with torch.inference_mode():
        predicted = torch.cat([net(part).argmax(1) for part in images.split(1000)])
    return (predicted == labels).double().mean().item()


# The network


def test_the_trained_net_gets_89_percent_of_all_test_images_right(all_images):
    assert len(all_images[0]) == 10_000
    assert accuracy(fashion_net(), all_images) >= 0.89


@pytest.mark.parametrize("epoch", [0, 1, LAST])
def test_accuracy_is_what_the_card_says(epoch, all_images):
    # Two images' worth of room: another CPU adds in another order, which can turn a draw between two classes.
    assert accuracy(fashion_net(epoch), all_images) == pytest.approx(RECORDS[epoch]["test_accuracy"], abs=2.5e-4)


def test_the_architecture_is_the_course_notebooks():
    assert [(name, repr(module)) for name, module in fashion_net().named_children()] == [
        ("conv1", "Conv2d(1, 10, kernel_size=(3, 3), stride=(1, 1))"),
        ("pool", "MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)"),
        ("conv2", "Conv2d(10, 20, kernel_size=(3, 3), stride=(1, 1))"),
        ("fc1", "Linear(in_features=500, out_features=50, bias=True)"),
        ("fc1_drop", "Dropout(p=0.4, inplace=False)"),
        ("fc2", "Linear(in_features=50, out_features=10, bias=True)"),
    ]


def test_forward_is_conv_relu_pool_twice_then_two_linear_layers(test_data):
    net = fashion_net()
    image = test_data[7][0][None]
    x = image
    for conv in (net.conv1, net.conv2):
        x = nn.functional.max_pool2d(conv(x).clamp(min=0), 2)
    assert x.shape == (1, 20, 5, 5)
    expected = net.fc2(net.fc1(x.reshape(1, 500)).clamp(min=0))
    torch.testing.assert_close(net(image), expected)
    assert (expected < 0).any(), "logits, not probabilities"


def test_dropout_works_in_training_mode_only(test_data):
    image = test_data[0][0][None]
    net = fashion_net()
    assert torch.equal(net(image), net(image))
    net.train()
    assert not torch.equal(net(image), net(image))


def test_a_net_comes_in_eval_mode_on_the_cpu_and_can_be_trained(test_data):
    net = fashion_net()
    assert not any(module.training for module in net.modules())
    for parameter in net.parameters():
        assert isinstance(parameter, nn.Parameter)
        assert (parameter.dtype, parameter.device.type, parameter.requires_grad) == (torch.float32, "cpu", True)
    image, label = test_data[0]
    nn.functional.cross_entropy(net(image[None]), torch.tensor([label])).backward()
    assert net.conv1.weight.grad.abs().sum() > 0


def test_two_nets_share_nothing():
    first, second = fashion_net(), fashion_net()
    before = second.conv1.weight.detach().clone()
    with torch.no_grad():
        first.conv1.weight.zero_()
    assert torch.equal(second.conv1.weight, before)


def test_none_is_the_last_epoch_and_every_epoch_differs():
    weights = [fashion_net(epoch).conv1.weight.detach().numpy().tobytes() for epoch in range(LAST + 1)]
    assert len(set(weights)) == LAST + 1
    assert fashion_net().conv1.weight.detach().numpy().tobytes() == weights[LAST]


def test_epoch_0_is_the_seeds_untrained_net():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(CARD["seed"])
        fresh = FashionNet().state_dict()
    loaded = fashion_net(0).state_dict()
    assert list(loaded) == list(fresh)
    for name, value in loaded.items():
        torch.testing.assert_close(value, fresh[name], rtol=0, atol=1e-6)


@pytest.mark.parametrize("epoch", [-1, LAST + 1, 1000, "last", 0.5])
def test_an_epoch_without_checkpoint_is_refused_with_the_choices(epoch):
    with pytest.raises(ValueError, match=rf"{epoch!r}.*0 \(untrained\) … {LAST} \(the last\)"):
        fashion_net(epoch)


def test_loading_leaves_random_state_and_defaults_as_they_were():
    state = torch.random.get_rng_state()
    numpy_state = np.random.get_state()
    torch.set_default_dtype(torch.float64)
    try:
        net = fashion_net()
        image, _ = fashion_test_data()[0]
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert np.array_equal(np.random.get_state()[1], numpy_state[1])
    assert torch.empty(0).device.type == "cpu"
    assert image.dtype == torch.float32
    assert {value.dtype for value in net.state_dict().values()} == {torch.float32}


# The card and the files


def test_every_checkpoint_is_the_file_of_the_card():
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in CHECKPOINTS.glob("*.pt")}
    assert files == {record["file"]: record["sha256"] for record in RECORDS.values()}
    assert sorted(RECORDS) == list(range(CARD["recipe"]["epochs"] + 1))
    assert CARD["released_epoch"] == CARD["recipe"]["epochs"]
    assert sum(path.stat().st_size for path in CHECKPOINTS.iterdir()) < 2_500_000


def test_the_readable_card_is_the_machine_readable_one(tmp_path):
    sys.path.insert(0, str(CHECKOUT / "models"))
    try:
        from card import write_card
    finally:
        sys.path.pop(0)
    write_card(CARD, tmp_path / "README.md")
    assert (tmp_path / "README.md").read_bytes() == (CHECKOUT / "models" / "README.md").read_bytes()


def test_the_data_files_are_as_published():
    published = dict(FashionMNIST.resources)  # file name -> MD5, as torchvision checks its downloads
    for name in ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"):
        content = (demo._TEST_FILES / name).read_bytes()
        assert hashlib.md5(content).hexdigest() == published[name]
    licence = (demo._TEST_FILES / "LICENSE").read_text(encoding="utf-8")
    assert "MIT License" in licence
    assert "Zalando SE" in licence


def test_missing_files_are_named(monkeypatch, tmp_path):
    monkeypatch.setattr(demo, "_CHECKPOINT_FOLDERS", (tmp_path / "wheel", tmp_path / "checkout"))
    monkeypatch.setattr(demo, "_TEST_FILES", tmp_path / "data")
    with pytest.raises(FileNotFoundError, match=r"epoch_00\.pt.*wheel and .*checkout.*models/train\.py"):
        fashion_net()
    with pytest.raises(FileNotFoundError, match=r"t10k-images-idx3-ubyte\.gz is missing: expected in .*data"):
        fashion_test_data()


def test_the_checkpoints_of_an_installed_wheel_come_first(monkeypatch, tmp_path):
    wheel = tmp_path / "demo_files" / "fashion_net"
    wheel.mkdir(parents=True)
    shutil.copy(CHECKPOINTS / "epoch_00.pt", wheel / "epoch_03.pt")
    monkeypatch.setattr(demo, "_CHECKPOINT_FOLDERS", (wheel, CHECKPOINTS))
    untrained = torch.load(CHECKPOINTS / "epoch_00.pt", weights_only=True)
    assert torch.equal(fashion_net(3).fc2.weight, untrained["fc2.weight"])


# The data


def test_items_are_what_torchvision_gives(test_data, tmp_path):
    raw = tmp_path / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for path in demo._TEST_FILES.glob("*.gz"):
        (raw / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
        # torchvision asks for the training files' presence too, and reads only the test files here.
        (raw / path.stem.replace("t10k", "train")).touch()
    reference = FashionMNIST(str(tmp_path), train=False, transform=ToTensor())

    assert len(test_data) == len(reference) == 10_000
    assert test_data.classes == reference.classes
    assert np.array_equal(test_data.images, reference.data.numpy())
    assert np.array_equal(test_data.labels, reference.targets.numpy())
    for index in [0, 1, 9_999, *range(17, 10_000, 97)]:
        image, label = test_data[index]
        expected_image, expected_label = reference[index]
        assert image.dtype == expected_image.dtype == torch.float32
        assert image.shape == (1, 28, 28)
        assert image.numpy().tobytes() == expected_image.numpy().tobytes()
        assert label == expected_label
        assert type(label) is int


def test_values_are_in_0_to_1_and_all_labels_occur(all_images):
    images, labels = all_images
    assert (images.min().item(), images.max().item()) == (0, 1)
    assert labels.bincount().tolist() == [1000] * 10


@pytest.mark.parametrize("index", [-1, 10_000, 10**9, np.int64(-3)])
def test_an_index_out_of_range_is_refused(index, test_data):
    with pytest.raises(IndexError, match=rf"image {int(index)} is out of range.*0 … 9999"):
        test_data[index]


def test_an_index_is_an_integer(test_data):
    assert torch.equal(test_data[np.int64(5)][0], test_data[5][0])
    with pytest.raises(TypeError):
        test_data[1.5]
    with pytest.raises(TypeError):
        test_data["0"]


def test_writing_into_an_item_leaves_the_data_alone(test_data):
    image, _ = test_data[3]
    before = image.clone()
    image.zero_()
    assert torch.equal(test_data[3][0], before)


def test_it_is_a_torch_dataset_a_loader_can_batch(test_data):
    assert isinstance(test_data, torch.utils.data.Dataset)
    assert isinstance(test_data, FashionTestData)
    images, labels = next(iter(torch.utils.data.DataLoader(test_data, batch_size=4)))
    assert images.shape == (4, 1, 28, 28)
    assert [test_data.classes[label] for label in labels] == ["Ankle boot", "Pullover", "Trouser", "Trouser"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"\x00\x00\x0d\x01\x00\x00\x00\x01\x00", "not an IDX file"),
        (b"\x00\x00\x08\x01\x00\x00\x00\x03\x07", r"states the shape \(3,\) and holds 1 values"),
    ],
)
def test_a_broken_data_file_is_refused(content, sentence, tmp_path):
    path = tmp_path / "some.gz"
    path.write_bytes(gzip.compress(content))
    with pytest.raises(ValueError, match=sentence):
        demo.read_idx(path)


# The script and the docstrings


def test_the_training_script_refuses_other_data(tmp_path):
    for name in ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"):
        shutil.copy(demo._TEST_FILES / name.replace("train", "t10k"), tmp_path / name)
    command = [sys.executable, str(CHECKOUT / "models" / "train.py"), "--data", str(tmp_path), "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "train-images-idx3-ubyte.gz is not FashionMNIST's training file" in done.stderr
    assert not (tmp_path / "fashion_net").exists()


def test_the_examples_in_the_docstrings_are_true():
    import doctest

    result = doctest.testmod(demo)
    assert result.failed == 0
    assert result.attempted >= 8
