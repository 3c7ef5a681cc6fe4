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
