"""Verdicts and effects of nets to which images must be given one at a time are those of each image alone."""

import copy

import pytest
import torch
from torch.nn import functional as F
from torch.utils.data import TensorDataset

from batch_nets import DEPENDENT, Base, BatchStatistics
from diagnoses import look, same
from filterscope import Explorer
from nets import images, seeded

PIXELS = images(40, 1, 12, 12) * torch.linspace(0.2, 2, 40).view(40, 1, 1, 1)


def labelled(net):
    """The images with what the net says of each alone, one of them wrong; the net is first made sure of all classes."""
    with torch.no_grad():
        scores = torch.cat([net(image[None]) for image in PIXELS])
        net.head.weight.mul_(8 / scores.std(0)[:, None])
        net.head.bias.sub_(torch.cat([net(image[None]) for image in PIXELS]).mean(0))
        scores = torch.cat([net(image[None]) for image in PIXELS])
    best = scores.topk(2, 1)
    labels, unsure = best.indices[:, 0].clone(), int((best.values[:, 0] - best.values[:, 1]).argmin())
    labels[unsure] = best.indices[unsure, 1]
    return TensorDataset(PIXELS, labels)


def by_hand(net, data, filters):
    """Accuracy and loss without maps of the layer's filters, image by image, by changing the net's own code."""
    net = copy.deepcopy(net)
    part = net.maps if not callable(getattr(type(net), "maps", None)) else None
    if part is None:
        own = net.maps
        net.maps = lambda x: without(own(x), filters)
    else:
        forward = part.forward
        part.forward = lambda x: without(forward(x), filters)
    losses, right = [], 0
    with torch.no_grad():
        for image, label in data:
            scores = net(image[None])
            losses.append(F.cross_entropy(scores, label[None]).item())
            right += int(scores.argmax(1) == label)
    return right / len(data), sum(losses) / len(data)


def without(maps, filters):
    maps = maps.clone()
    maps[:, filters] = 0
    return maps


@pytest.mark.parametrize("name", sorted(DEPENDENT.keys() - {"TakesAWay"}))  # its maps are of two layers
def test_what_is_lost_without_filters_is_what_each_image_alone_loses(name):
    net = seeded(DEPENDENT[name]).eval()
    data = labelled(net)
    explorer = Explorer(net, data)
    found = explorer.without([1, 2], layer=0, replaced_by="zero", images=40)
    accuracy, loss = by_hand(net, data, [1, 2])
    assert found.effect.accuracy_after == pytest.approx(accuracy)
    assert found.effect.loss_after == pytest.approx(loss, rel=1e-4)
    assert "so each image went through it in a pass of its own, which takes longer" in str(found)
    explorer.close()


@pytest.mark.parametrize("name", ["BatchStatistics", "Classifies", "FixedView", "OnlyTheFirst"])
def test_a_diagnosis_is_that_of_images_given_one_at_a_time_by_the_user(name):
    net = seeded(DEPENDENT[name]).eval()
    data = labelled(net)
    diagnosis = look(net, data, images=40)
    assert diagnosis.images == 40 and diagnosis.ablated == 40
    assert same(diagnosis, look(net, data, images=40, forward=lambda net, image: net(image)))
    note = [note for note in diagnosis.notes if "in a pass of its own" in note]
    assert len(note) == 1 and note[0][0].isupper() and note[0] in str(diagnosis)


def test_means_by_which_maps_are_replaced_are_those_of_each_image_alone():
    net = seeded(BatchStatistics).eval()
    explorer = Explorer(net, labelled(net))
    found = explorer.without([0, 3], layer=0, replaced_by="mean")
    with torch.no_grad():
        expected = torch.stack([net.maps(image[None]).mean((0, 2, 3)) for image in PIXELS]).mean(0)
    assert found.values == pytest.approx(expected[[0, 3]].tolist(), rel=1e-4)
    explorer.close()


def test_nothing_is_said_of_a_net_that_takes_batches():
    net = seeded(Base).eval()
    data = labelled(net)
    explorer = Explorer(net, data)
    found = explorer.without([1, 2], layer=0, replaced_by="zero", images=40)
    assert found.effect.notes == () and found.effect.accuracy_after == pytest.approx(by_hand(net, data, [1, 2])[0])
    explorer.close()
