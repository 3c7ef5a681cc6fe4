"""Only what is a score a class becomes a prediction; where that cannot be told, a bare tensor (N, K) counts as one."""

from collections import namedtuple

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from filterscope import Explorer, diagnose
from filterscope.nets.outputs import KnownClasses, class_output, class_scores
from nets import images, seeded

N = 5


def rows(columns, seed=0, images=N):
    return torch.randn(images, columns, generator=torch.Generator().manual_seed(seed))


class Fields:
    """An object with parts that have names, and a property that raises."""

    def __init__(self, **parts):
        self.__dict__.update(parts)

    @property
    def probs(self):
        raise RuntimeError("computed later")


Detection = namedtuple("Detection", ["boxes", "scores"])
Heads = namedtuple("Heads", ["main", "count"])
WithLogits = namedtuple("WithLogits", ["features", "logits"])
CLASSES, OTHER = rows(4), rows(6, 1)

# The output, and the scores in it; None where there are none.
OUTPUTS = {
    "a tensor": (CLASSES, CLASSES),
    "probabilities": (CLASSES.softmax(1), CLASSES.softmax(1)),
    "logits by name": ({"loss": torch.tensor(1.0), "logits": CLASSES}, CLASSES),
    "torchvision's name": ({"out": CLASSES, "aux": OTHER}, CLASSES),
    "class logits among others": ({"box_regression": OTHER, "class_logits": CLASSES}, CLASSES),
    "an object": (Fields(logits=CLASSES, hidden=OTHER), CLASSES),
    "a named tuple with logits": (WithLogits(OTHER, CLASSES), CLASSES),
    "a named tuple without names that tell": (Heads(CLASSES, 3), CLASSES),
    "one and something else": ((CLASSES, 1), CLASSES),
    "one and its maps": ([CLASSES, torch.rand(N, 8, 3, 3), [torch.rand(N, 2, 4, 4)]], CLASSES),
    "offsets, then probabilities": ((OTHER, CLASSES.softmax(1)), CLASSES.softmax(1)),
    "landmarks, offsets, probabilities": ((rows(10), OTHER, CLASSES.softmax(1)), CLASSES.softmax(1)),
    "mean and log-variance": ((CLASSES, rows(4, 2)), None),
    "a picture with its code": ((torch.rand(N, 1, 8, 8), CLASSES), None),
    "a picture, mean and log-variance": ((torch.rand(N, 1, 8, 8), CLASSES, rows(4, 2)), None),
    "features and logits": ((rows(512), CLASSES), None),
    "a detection": (Detection(OTHER, CLASSES), None),
    "detections": ([{"boxes": OTHER, "scores": torch.rand(N)}], None),
    "embeddings by name": ({"embedding": CLASSES}, None),
    "an object with features": (Fields(features=CLASSES), None),
    "an embedding of length one": (F.normalize(CLASSES), None),
    "one of length one in half": (F.normalize(rows(64).half()), None),
    "one number": (rows(1), None),
    "whole numbers": (torch.arange(N * 3).reshape(N, 3), None),
    "other images": (rows(4, images=N + 1), None),
    "a map": (torch.rand(N, 4, 5, 5), None),
    "nothing": (None, None),
    "an empty tuple": ((), None),
}


@pytest.mark.parametrize("kind", OUTPUTS)
def test_what_of_an_output_is_taken_for_classes(kind):
    output, expected = OUTPUTS[kind]
    taken = class_output(output, N)
    assert taken is expected or torch.equal(taken, expected)
    scores = class_scores(output, N)
    if expected is None:
        assert scores is None
    else:
        probable = expected if kind.endswith("probabilities") else expected.softmax(1)
        np.testing.assert_allclose(scores, probable.double().numpy(), atol=1e-6)


def test_as_many_class_names_as_columns_tell_which_of_several_it_is():
    for output in ((OTHER, CLASSES), (CLASSES, OTHER), (OTHER, CLASSES, rows(7))):
        assert class_output(output, N) is None
        assert class_output(output, N, KnownClasses(names=4)) is CLASSES
    assert class_output((CLASSES, rows(4, 2)), N, KnownClasses(names=4)) is None


def test_labels_that_are_no_classes_make_a_row_measured_quantities():
    labels = KnownClasses(other_labels=True)
    assert class_output(CLASSES, N, labels) is None
    assert class_output({"logits": CLASSES}, N, labels) is None
    assert class_output(CLASSES.softmax(1), N, labels) is not None
    assert class_output(CLASSES, N, KnownClasses(names=4, other_labels=True)) is CLASSES


def test_sigmoids_are_no_classes_unless_they_have_names():
    many = rows(16).sigmoid()
    assert class_output(many, N) is None
    assert class_output(many, N, KnownClasses(names=16)) is many
    for scores in (rows(16), rows(15).sigmoid(), 2 * many):  # logits, too few to tell, no sigmoids
        assert class_output(scores, N) is scores


def test_scores_that_come_near_length_one_by_chance_stay_scores():
    near = F.normalize(rows(3)) * 1.0005
    assert class_output(near, N) is near


# Through the whole explorer


class Head(nn.Module):
    def __init__(self, pack):
        super().__init__()
        self.conv, self.one, self.two = nn.Conv2d(1, 4, 3), nn.Linear(4, 3), nn.Linear(4, 3)
        self.pack = pack

    def forward(self, x):
        pooled = self.conv(x).relu().mean((2, 3))
        return self.pack(self.one(pooled), self.two(pooled))


def net(pack):
    return seeded(lambda: Head(pack)).eval()


LABELS = {
    "numbers with a fraction": torch.rand(40, generator=torch.Generator().manual_seed(3)),
    "vectors": torch.rand(40, 3, generator=torch.Generator().manual_seed(3)),
}


@pytest.mark.parametrize("labels", LABELS)
def test_a_regression_has_no_prediction_and_no_loss(labels):
    pictures = images(40, 1, 8, 8)
    explorer = Explorer(net(lambda a, b: a), [*zip(pictures, LABELS[labels], strict=True)])
    assert explorer.prediction == [] and explorer.label is None
    judged = diagnose(net(lambda a, b: a), [*zip(pictures, LABELS[labels], strict=True)], images=40)
    assert "not one score a class" in str(judged)


def test_labels_that_are_classes_or_missing_keep_the_prediction():
    pictures = images(4, 1, 8, 8)
    for labels in ([0, 1, 2, 0], [0.0, 1.0, 2.0, 1.0], [None] * 4, [float("nan")] * 4, ["a", "b", "c", "a"]):
        explorer = Explorer(net(lambda a, b: a), [*zip(pictures, labels, strict=True)])
        assert len(explorer.prediction) == 3
    assert len(Explorer(net(lambda a, b: a), pictures).prediction) == 3


def test_a_code_and_an_embedding_have_no_prediction_and_forward_decides_otherwise():
    pictures = images(4, 1, 8, 8)
    for pack in (lambda a, b: (a, b), lambda a, b: F.normalize(a), lambda a, b: {"mu": a, "logvar": b}):
        explorer = Explorer(net(pack), pictures)
        assert explorer.prediction == []
        assert explorer.select(image=2).activation.shape == (6, 6)
    both = net(lambda a, b: (a, b))
    explorer = Explorer(both, pictures, forward=lambda net, image: net(image)[1])
    with torch.no_grad():
        expected = both(pictures[:1])[1].softmax(1)[0]
    assert explorer.prediction[0][1] == pytest.approx(float(expected.max()), rel=1e-5)
    assert Explorer(net(lambda a, b: (a, b.softmax(1))), pictures).prediction
