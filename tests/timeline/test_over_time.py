"""The verdicts over time are `diagnose`'s of each checkpoint, on images that are read once."""

import copy

import numpy as np
import pytest
import torch

from filterscope import CheckpointError, Explorer, demo, diagnose, diagnose_over_time
from filterscope.timeline.over_time import DiagnosisOverTime, KeptSamples
from filterscope.timeline.paths import LayerPath
from filterscope.verdicts.weights.start import relative_distance

DATA = demo.fashion_test_data()
EPOCHS = (0, 1, 20)
NETS = [demo.fashion_net(epoch=epoch) for epoch in EPOCHS]


class Counting(torch.utils.data.Dataset):
    classes = DATA.classes

    def __init__(self):
        self.reads = []

    def __len__(self):
        return 200

    def __getitem__(self, index):
        self.reads.append(index)
        return DATA[index]


def alike(a, b):
    return a == b or (a != a and b != b)


def test_verdicts_are_diagnoses_of_each_checkpoint_and_images_are_read_once():
    data = Counting()
    found = diagnose_over_time(NETS[-1], data, NETS, images=60, ablation="auto", progress=False)
    for net, diagnosis in zip(NETS, found.diagnoses, strict=True):
        alone = diagnose(net, Counting(), images=60, start=NETS[0].state_dict(), progress=False)
        assert diagnosis.fingerprint == alone.fingerprint
        for mine, theirs in zip(diagnosis.rows(), alone.rows(), strict=True):
            assert all(alike(mine[name], theirs[name]) for name in theirs)
    counts = np.bincount(data.reads)
    # Once for all checkpoints; the first few also to see what the data set and the net are like.
    assert np.sort(counts)[-25] <= 2 or (counts > 2).sum() <= 25


def test_distances_are_the_weights_own():
    found = diagnose_over_time(NETS[-1], DATA, NETS, images=20, progress=False)
    for layer in ("conv1", "conv2"):
        kernels = [getattr(net, layer).weight.detach().double().flatten(1) for net in NETS]
        path = found.paths[layer]
        for at, now in enumerate(kernels):
            start = (now - kernels[0]).norm(dim=1) / kernels[0].norm(dim=1)
            end = (now - kernels[-1]).norm(dim=1) / kernels[-1].norm(dim=1)
            before = kernels[max(0, at - 1)]
            np.testing.assert_allclose(path.from_start[at], start, rtol=1e-5, atol=1e-7)
            np.testing.assert_allclose(path.to_end[at], end, rtol=1e-5, atol=1e-7)
            np.testing.assert_allclose(
                path.step[at], (now - before).norm(dim=1) / before.norm(dim=1), rtol=1e-5, atol=1e-7
            )
    assert np.isnan(relative_distance(np.ones((1, 1, 2, 2)), np.zeros((1, 1, 2, 2)))).all()


def test_what_happened_is_told():
    """Planted: a filter dies, one is born, one stays."""
    start = copy.deepcopy(NETS[-1])
    with torch.no_grad():
        start.conv1.bias[2] = -100  # dead at first
    end = copy.deepcopy(NETS[-1])
    with torch.no_grad():
        end.conv1.bias[4] = -100  # dead at the end
    found = diagnose_over_time(start, DATA, {"start": start, "middle": NETS[-1], "end": end}, images=50, progress=False)
    assert found.events("conv1", 2) == {1: ["born"]}
    assert found.events("conv1", 4) == {2: ["died"]}
    assert found.events("conv1", 0) == {}
    assert found.never_left("conv1") == list(range(10))  # only biases moved
    assert "conv1: 10 filters; 1 born, 1 died" in str(found)
    frame = found.over_time()
    assert len(frame) == 90 and list(frame.columns[:4]) == ["checkpoint", "checkpoint_name", "epoch", "to_end"]
    born = frame[(frame.event != "") & (frame.checkpoint_name == "middle")]
    assert born[["layer", "filter", "event"]].to_numpy().tolist() == [["conv1", 2, "born"]]


def test_a_filter_that_moved_has_left_its_start():
    moved = np.array([[0, 0, np.nan], [1e-7, 0.2, np.nan], [0, 0.01, np.nan]], np.float32)
    path = LayerPath(moved, moved, moved)
    assert path.never_left() == [0]


def test_a_file_that_breaks_meanwhile_is_said_and_left_out(tmp_path):
    for epoch in EPOCHS:
        torch.save(demo.fashion_net(epoch=epoch).state_dict(), tmp_path / f"epoch_{epoch}.pt")
    explorer = Explorer(demo.fashion_net(), DATA, checkpoints=str(tmp_path / "*.pt"))
    (tmp_path / "epoch_1.pt").unlink()
    running = explorer.diagnose_over_time(images=20)
    running.wait()
    assert [diagnosis is None for diagnosis in running.found.diagnoses] == [False, True, False]
    assert {row["checkpoint"] for row in running.rows()} == {0, 2}


def test_in_the_background_it_is_the_same_and_can_be_cancelled():
    explorer = Explorer(demo.fashion_net(), DATA, checkpoints=NETS)
    running = explorer.diagnose_over_time(images=30).wait()
    assert running.done and not running.cancelled and running.found.complete
    alone = diagnose_over_time(NETS[-1], DATA, NETS, images=30, progress=False)
    fields = ("structure", "state", "duplicate_of", "use", "drives_most", "checkpoint", "start_distance")
    for mine, theirs in zip(running.rows(), alone.rows(), strict=True):
        assert all(alike(mine[name], theirs[name]) for name in fields)
    again = explorer.diagnose_over_time(images=10_000, ablation=True).cancel().wait()
    assert again.cancelled and not (again.found is not None and again.found.complete)


def test_images_beyond_the_bytes_are_read_again():
    class Source:
        classes, is_stream = (), False

        def __init__(self):
            self.reads = 0

        def __len__(self):
            return 4

        def read_several(self, indices):
            self.reads += len(indices)
            from filterscope.data.source import SampleSource

            source = SampleSource(torch.arange(4.0)[:, None, None, None].expand(4, 1, 8, 8).contiguous())
            return [source.read(index) for index in indices]

    source = Source()
    kept = KeptSamples(source, limit=2 * 8 * 8 * 4)
    for _ in range(3):
        values = [float(sample.image.max()) for sample in kept.read_several([0, 1, 2, 3])]
        assert values == [0, 1, 2, 3]
    assert source.reads == 4 + 2 + 2


def test_wrong_input_is_told():
    with pytest.raises(CheckpointError, match="no file fits"):
        diagnose_over_time(NETS[0], DATA, "nothing/*.pt", progress=False)
    with pytest.raises(ValueError, match="no checkpoints to judge"):
        Explorer(NETS[0], DATA).diagnose_over_time()
    explorer = Explorer(NETS[0], DATA, checkpoints=NETS)
    for options, sentence in (
        ({"images": 0}, "images is 0"),
        ({"ablation": 1}, "ablation is 1"),
        ({"layers": "x"}, "x"),
    ):
        with pytest.raises(ValueError, match=sentence):
            explorer.diagnose_over_time(**options)
    assert isinstance(DiagnosisOverTime((), (), {}).rows(), list)
