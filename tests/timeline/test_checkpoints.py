"""The checkpoints of a net: which are taken, in which order, under which names, and what is said of the others."""

import copy
import random
import warnings

import pytest
import torch

from filterscope import CheckpointError, Explorer, demo
from filterscope.nets.net_state import template_of
from filterscope.timeline.checkpoints import Checkpoints

NET = demo.FashionNet()
TEMPLATE = template_of(NET)


def state(seed):
    torch.manual_seed(seed)
    return demo.FashionNet().state_dict()


def test_files_stand_as_people_count(tmp_path):
    names = [f"epoch_{number}" for number in (1, 2, 3, 9, 10, 11, 20, 100)]
    for name in random.Random(0).sample(names, len(names)):
        torch.save(state(0), tmp_path / f"{name}.pt")
    checkpoints = Checkpoints(str(tmp_path / "*.pt"), TEMPLATE)
    assert [checkpoint.name for checkpoint in checkpoints] == names
    assert [checkpoint.epoch for checkpoint in checkpoints] == [1, 2, 3, 9, 10, 11, 20, 100]
    assert [checkpoint.name for checkpoint in Checkpoints(tmp_path, TEMPLATE)] == names  # the folder itself


@pytest.mark.parametrize(
    ("name", "said", "epoch", "title"),
    [
        ("epoch=3-step=100", None, 3, "epoch=3-step=100"),
        ("ep7", None, 7, "ep7"),
        ("last", 12, 12, "last · epoch 12"),
        ("model_0004", None, None, "model_0004"),
        ("step2000", None, None, "step2000"),
        ("e05", None, 5, "e05"),
        ("run_e5_12", 5, 5, "run_e5_12"),
    ],
)
def test_the_epoch_is_the_files_or_the_names(tmp_path, name, said, epoch, title):
    torch.save({"model": state(0), **({} if said is None else {"epoch": said})}, tmp_path / f"{name}.pt")
    (checkpoint,) = Checkpoints(tmp_path / f"{name}.pt", TEMPLATE)
    assert (checkpoint.epoch, checkpoint.title) == (epoch, title)


def test_states_paths_nets_and_pairs_may_be_mixed(tmp_path):
    torch.save(state(1), tmp_path / "file.pt")
    torch.manual_seed(2)
    net = demo.FashionNet()
    given = [state(0), tmp_path / "file.pt", net, ("warm-up", state(3)), ("named", str(tmp_path / "file.pt"))]
    checkpoints = Checkpoints(given, TEMPLATE)
    assert [checkpoint.name for checkpoint in checkpoints] == ["0", "file", "2", "warm-up", "named"]
    for index, seed in enumerate((0, 1, 2, 3, 1)):
        expected = state(seed)
        assert all(torch.equal(value, expected[name]) for name, value in checkpoints.state(index).items())
    by_name = Checkpoints({"before": state(0), "after": net}, TEMPLATE)
    assert [checkpoint.title for checkpoint in by_name] == ["before", "after"]


def test_what_does_not_fit_is_said_and_left_out(tmp_path):
    torch.save(state(0), tmp_path / "a.pt")
    (tmp_path / "b.pt").write_bytes(b"broken")
    torch.save(torch.nn.Conv2d(1, 2, 3).state_dict(), tmp_path / "c.pt")
    torch.save(state(1), tmp_path / "d.pt")
    with pytest.warns(UserWarning, match="a checkpoint is left out: ") as heard:
        checkpoints = Checkpoints(str(tmp_path / "*.pt"), TEMPLATE)
    assert [checkpoint.name for checkpoint in checkpoints] == ["a", "d"]
    assert [str(warning.message).split(": ")[1] for warning in heard] == ["b", "c"]
    assert "another net" in str(heard[1].message) and "damaged" in str(heard[0].message)


def test_where_nothing_fits_the_sentence_says_what_is_there(tmp_path):
    (tmp_path / "net.txt").write_text("x")
    for pattern, sentence in (
        (str(tmp_path / "*.pt"), r"no file fits '.*\*\.pt'; the folder .* has net\.txt"),
        (str(tmp_path / "none.pt"), r"there is no file .*none\.pt; the folder .* has net\.txt"),
        (str(tmp_path / "no" / "*.pt"), r"there is no folder .* either"),
        ([], r"checkpoints is empty"),
        ([torch.nn.Conv2d(1, 2, 3)], r"no checkpoint fits the net: 0: it is of another net"),
        (tmp_path, r"has no file that ends in"),
    ):
        with pytest.raises(CheckpointError, match=sentence):
            Checkpoints(pattern, TEMPLATE)
    for wrong in (3, [3], [("a", 3)], [None]):
        with pytest.raises(TypeError, match="checkpoints"):
            Checkpoints(wrong, TEMPLATE)


def test_states_that_are_one_state_are_told():
    net = demo.FashionNet()
    with pytest.warns(UserWarning, match=r"are the same tensors.*copy\.deepcopy"):
        Checkpoints([net.state_dict(), net.state_dict()], TEMPLATE)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Checkpoints([copy.deepcopy(net.state_dict()), net.state_dict()], TEMPLATE)


def test_an_explorer_that_is_refused_its_checkpoints_leaves_the_net_as_it_was(tmp_path):
    net = demo.fashion_net()
    before, training = copy.deepcopy(net.state_dict()), net.training
    with pytest.raises(CheckpointError):
        Explorer(net, torch.rand(4, 1, 28, 28), checkpoints=str(tmp_path / "*.pt"))
    assert net.training == training
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
