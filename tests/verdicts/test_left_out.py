"""One image that the net refuses forbids nothing of the others: it is left out, counted and said."""

import numpy as np
import pytest
import torch
from torch import nn

from filterscope import Explorer, NetError, SampleError, diagnose
from filterscope.data.source import SampleSource
from filterscope.scans.refusals import MOST_REFUSED, run_accepted
from filterscope.scans.sampling import ImageBatch, IsolatedSamples, runner_for
from filterscope.verdicts.ablation.ablation import layer_means
from nets import images

COUNT = 24


class Particular(nn.Module):
    """A net that refuses an image for what it holds, and then all that are with it."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        if (x > 100).any():
            raise RuntimeError("a value above 100")
        return self.head(torch.relu(self.conv(x)).mean((2, 3)))


def colour(samples, index):
    samples[index] = (torch.rand(3, 12, 12), index % 3)


def particular(samples, index):
    samples[index] = (torch.full((1, 12, 12), 1000.0), index % 3)


ODD = {"a colour picture": colour, "its values": particular}
PLACES = {"one": (5,), "the first": (0,), "a few": (0, 3, 11, 12, 23), "half": tuple(range(0, COUNT, 2))}


def opened(odd, places, **options):
    """An explorer of a good image, and the data set without the odd ones."""
    torch.manual_seed(3)
    pixels = images(COUNT, 1, 12, 12)
    samples = [(image, index % 3) for index, image in enumerate(pixels)]
    for index in places:
        odd(samples, index)
    net = Particular().eval()
    good = [index for index in range(COUNT) if index not in places]
    return Explorer(net, samples, image_index=good[0], **options), net, pixels[good]


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
@pytest.mark.parametrize("places", PLACES.values(), ids=PLACES)
def test_without_and_its_effect_leave_out_what_the_net_refuses(odd, places):
    explorer, net, good = opened(odd, places)
    answer = explorer.without([1, 2], images=COUNT)
    with torch.no_grad():
        maps = torch.relu(net.conv(good)).double()
        before = torch.softmax(net(good[:1])[0].double(), 0)
    np.testing.assert_allclose(answer.values, maps.mean((0, 2, 3))[[1, 2]].numpy(), rtol=1e-5)
    assert answer.mean_images == answer.effect.images == COUNT - len(places)
    np.testing.assert_allclose([dict(answer.before)[k] for k in range(3)], before.numpy(), atol=1e-6)
    for notes in (answer.notes, answer.effect.notes):
        (sentence,) = notes
        assert sentence.startswith(f"the net refused {len(places)} images, which are left out: RuntimeError: ")
        assert sentence in str(answer)
    explorer.close()


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
@pytest.mark.parametrize("places", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("background", [True, False])
def test_a_diagnosis_leaves_out_these_and_no_others(odd, places, background):
    explorer, net, good = opened(odd, places)
    if background:
        diagnosis = explorer.diagnose(images=COUNT).wait()
    elif 0 in places:
        return  # it opens the net with the first image, which is refused with a sentence
    else:
        samples = [explorer.session.engine.source._items.sequence[index] for index in range(COUNT)]
        diagnosis = diagnose(net, samples, images=COUNT, progress=False)
    assert diagnosis.examination.images == COUNT - len(places)
    assert any(f"the net refused {len(places)} images" in note for note in diagnosis.notes)
    alone = diagnose(net, [(image, 0) for image in good], images=COUNT, progress=False)
    statistics, expected = diagnosis.examination.statistics[0], alone.examination.statistics[0]
    np.testing.assert_allclose(statistics.mean, expected.mean, rtol=1e-5)
    explorer.close()


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
@pytest.mark.parametrize("replaced_by", ["mean", "zero"])
def test_the_refused_image_itself_is_a_net_error(odd, replaced_by):
    explorer, _, _ = opened(odd, (5,))
    explorer.image_index = 5
    with pytest.raises(NetError, match="the net refused an image of shape"):
        explorer.without([1], replaced_by=replaced_by)
    explorer.close()


def test_an_unreadable_sample_is_left_out_and_said():
    explorer, _, _ = opened(lambda samples, index: samples.__setitem__(index, "no picture"), (4, 6))
    answer = explorer.without([1], images=COUNT)
    assert answer.mean_images == answer.effect.images == COUNT - 2
    assert answer.notes == answer.effect.notes == ("2 samples could not be read and are left out.",)
    explorer.image_index = 4
    with pytest.raises(SampleError):
        explorer.without([1])
    explorer.close()


def test_where_nothing_is_left_out_nothing_is_said():
    explorer, _, _ = opened(colour, ())
    answer = explorer.without([1], images=COUNT)
    assert answer.notes == answer.effect.notes == ()
    explorer.close()


def test_a_net_that_refuses_all_is_a_net_error_after_a_few_tries():
    net, calls = Particular(), []
    samples = IsolatedSamples(SampleSource([images(1, 12, 12)] + [torch.full((1, 12, 12), 1e3)] * 200))
    runner = runner_for(net, samples)
    net.register_forward_pre_hook(lambda module, args: calls.append(len(args[0])))
    samples.read = lambda index, read=samples.read: read(1 + index % 200)  # not the first
    with pytest.raises(NetError, match="a value above 100"):
        layer_means(runner, samples, 0)
    with pytest.raises(NetError, match="a value above 100"):
        diagnose(net, [images(1, 12, 12)] + [torch.full((1, 12, 12), 1e3)] * 200, images=150, progress=False)


def test_each_image_is_tried_alone_only_where_the_batch_is_refused():
    tried = []

    def run(batch):
        tried.append([int(image) for image in batch.images])
        if any(image < 0 for image in batch.images):
            raise ValueError(f"{min(batch.images)}")
        return sum(batch.images)

    def batch(*values):
        return ImageBatch(list(values), [str(value) for value in values], len(values), 0)

    assert run_accepted(batch(1, 2, 3), run)[1:] == (6, [])
    assert tried == [[1, 2, 3]]
    tried.clear()
    accepted, total, refusals = run_accepted(batch(1, -2, 3), run)
    assert (accepted.images, accepted.labels, total, [*map(str, refusals)]) == ([1, 3], ["1", "3"], 4, ["-2"])
    assert tried == [[1, -2, 3], [1], [-2], [3], [1, 3]]
    tried.clear()
    accepted, total, refusals = run_accepted(batch(*[-1] * 100), run)
    assert (accepted.images, total, len(refusals)) == ([], None, 100)
    assert len(tried) == 1 + MOST_REFUSED
    assert run_accepted(batch(), run)[1:] == (None, [])
