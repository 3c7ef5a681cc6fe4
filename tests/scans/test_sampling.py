"""The images that a diagnosis reads, and the activations that it sees."""

import numpy as np
import torch
from torch.nn import functional as F

from filterscope import demo
from filterscope.data.source import SampleSource
from filterscope.scans.sampling import IsolatedSamples, batches, order_of, runner_for


def test_every_image_is_read_once_in_an_order_that_stays():
    class Broken(list):
        def __getitem__(self, index):
            if index in (3, 40):
                raise OSError("gone")
            return super().__getitem__(index)

    data = Broken([(torch.full((1, 5 + (k // 20) % 2, 5), float(k)), k) for k in range(60)])
    samples = IsolatedSamples(SampleSource(data))
    found, unreadable, ends = [], 0, []
    for batch in batches(samples, np.arange(60), 0, 60, 8):
        assert len({image.shape for image in batch.images}) <= 1
        found += batch.labels
        unreadable += batch.unreadable
        ends.append(batch.end)
    assert found == [k for k in range(60) if k not in (3, 40)]
    assert unreadable == 2 and ends == sorted(ends) and ends[-1] == 60
    assert sorted(order_of(samples, 5)) == list(range(60))
    assert (order_of(samples, 5) == order_of(samples, 60)).all()


def test_images_that_are_read_together_come_in_one_array_into_which_no_net_writes():
    data = demo.fashion_test_data()
    samples = IsolatedSamples(SampleSource(data))
    found = list(batches(samples, np.arange(100, 170), 10, 60, 32))
    assert [batch.end for batch in found] == [42, 60]
    assert [batch.indices for batch in found] == [[*range(110, 142)], [*range(142, 160)]]
    for batch in found:
        assert isinstance(batch.images, np.ndarray)
        expected = torch.stack([data[index][0] for index in batch.indices])
        tensor = runner_for(demo.fashion_net(), samples).batch(batch.images)
        torch.testing.assert_close(tensor, expected, rtol=0, atol=0)
        tensor.zero_()
        np.testing.assert_array_equal(batch.images, expected.numpy())
        assert batch.labels == [data.classes[data[index][1]] for index in batch.indices]
        few = batch.only([3, 1])
        assert few.indices == [batch.indices[3], batch.indices[1]] and len(few.images) == 2


def test_activations_are_those_of_the_demo_net():
    net, data = demo.fashion_net(), demo.fashion_test_data()
    pixels = torch.stack([data[k][0] for k in range(5)])
    taken = {}
    runner_for(net, IsolatedSamples(SampleSource(data))).run(
        pixels, [0, 1], lambda layer, activation: taken.setdefault(layer, activation)
    )
    with torch.no_grad():
        first = F.relu(net.conv1(pixels))
        torch.testing.assert_close(taken[0], first)
        torch.testing.assert_close(taken[1], F.relu(net.conv2(net.pool(first))))
