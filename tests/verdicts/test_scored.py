"""Where it goes by a score: its fall without each filter, by a second way of computing it, and its null."""

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from filterscope import Explorer, Score, diagnose
from filterscope.outputs.class_map import mean_iou
from filterscope.verdicts.ablation.scoring import ScoreKnowledge
from libraries import YOLO

IMAGES = 60


def shapes(count=IMAGES, seed=0, size=12):
    """Gray noise with a bright rectangle, and its mask."""
    random = np.random.default_rng(seed)
    images = random.normal(0.3, 0.1, (count, 1, size, size)).astype(np.float32)
    masks = np.zeros((count, size, size), np.int64)
    for image, mask in zip(images, masks, strict=True):
        top, left = random.integers(0, size - 5, 2)
        height, width = random.integers(3, 6, 2)
        image[0, top : top + height, left : left + width] += 0.5
        mask[top : top + height, left : left + width] = 1
    return [(torch.from_numpy(image), torch.from_numpy(mask)) for image, mask in zip(images, masks, strict=True)]


class Finder(nn.Module):
    """Segments bright pixels by one of its filters; the second one is read by nobody, and the third does harm."""

    def __init__(self):
        super().__init__()
        self.conv, self.head = nn.Conv2d(1, 3, 1), nn.Conv2d(3, 2, 1)
        with torch.no_grad():
            self.conv.weight.copy_(torch.tensor([1.0, 1.0, -1.0]).reshape(3, 1, 1, 1))
            self.conv.bias.copy_(torch.tensor([0.0, 0.0, 0.35]))
            self.head.weight.copy_(torch.tensor([[0.0, 0.0, 0.0], [10.0, 0.0, 30.0]]).reshape(2, 3, 1, 1))
            self.head.bias.copy_(torch.tensor([0.0, -6.5]))

    def forward(self, x):
        return self.head(self.conv(x).relu())


def falls(net, data, index):
    """The fall of each image's mean IoU, the filter's map replaced by its mean over all images."""
    images = torch.stack([image for image, _ in data])
    with torch.no_grad():
        maps = net.conv(images).relu()
        before = net.head(maps).argmax(1).numpy()
        maps[:, index] = maps[:, index].mean()
        after = net.head(maps).argmax(1).numpy()
    masks = [mask.numpy() for _, mask in data]
    return np.array([mean_iou(b, m) - mean_iou(a, m) for b, a, m in zip(before, after, masks, strict=True)])


def test_masks_are_judged_by_their_mean_iou():
    net, data = Finder(), shapes()
    diagnosis = diagnose(net, data, images=IMAGES, layers="conv", progress=False)
    assert "mean IoU" in diagnosis.knowledge and "withheld" not in diagnosis.knowledge
    for index, verdict in enumerate(diagnosis.of_layer("conv")):
        expected = falls(net, data, index)
        assert verdict.delta_loss == pytest.approx(expected.mean(), abs=1e-6)
        if expected.std():
            half = stats.t.ppf(0.975, IMAGES - 1) * expected.std(ddof=1) / np.sqrt(IMAGES)
            assert (verdict.ci_low, verdict.ci_high) == pytest.approx(
                (expected.mean() - half, expected.mean() + half), abs=1e-6
            )
    used, unread, harmful = diagnosis.of_layer("conv")
    assert used.use == "used" and unread.use == "no measurable use" and harmful.use == "harmful"
    assert used.score == "mean IoU" and "without it mean IoU changes by −" in used.sentence


def test_filters_ablated_on_few_images_are_judged_by_these_alone():
    """No gradient says anything of a score."""
    net, data = Finder(), shapes()
    diagnosis = diagnose(net, data, images=IMAGES, layers="conv", ablated_images=30, progress=False)
    few = diagnosis.examination.order[:30]
    for index, verdict in enumerate(diagnosis.of_layer("conv")):
        expected = falls(net, data, index)[few]
        assert verdict.delta_loss == pytest.approx(expected.mean(), abs=1e-6) and verdict.ablated == 30
        if expected.std():
            interval = stats.t.interval(0.95, 29, expected.mean(), expected.std(ddof=1) / np.sqrt(30))
            assert (verdict.ci_low, verdict.ci_high) == pytest.approx(interval, abs=1e-6)
    assert [verdict.use for verdict in diagnosis.of_layer("conv")][:2] == ["used", "no measurable use"]
    assert any("removed on 30 images alone" in note for note in diagnosis.notes)
    assert "of 3 used" in str(diagnosis.layer_uses["conv"]) and not diagnosis.layer_uses["conv"].together
    with pytest.raises(ValueError, match="a score is not differentiated"):
        diagnosis.cost_together("conv", [0, 1])


def test_what_is_left_out_is_told_by_the_same_score():
    net, data = Finder(), shapes()
    explorer = Explorer(net, data)
    without = explorer.without(0, layer="conv", images=IMAGES)
    assert without.effect.loss_change.value == pytest.approx(falls(net, data, 0).mean(), abs=0.01)  # mean of 64 images
    assert without.effect.score == "mean IoU" and "mean IoU" in str(without) and without.tells == "masks"
    with torch.no_grad():
        maps = net.conv(data[0][0][None]).relu()
        maps[:, 0] = without.values[0]
        after = net.head(maps).argmax(1)
    assert dict(without.after)[1] == pytest.approx(float((after == 1).float().mean()))


def test_a_net_that_learned_nothing_has_its_use_withheld():
    net = Finder()
    with torch.no_grad():
        net.head.weight.mul_(-1)  # dark pixels
        net.head.bias.mul_(-1)
    for verdict in diagnose(net, shapes(), images=IMAGES, progress=False).filters:
        assert verdict.use == "withheld" and "learned too little" in verdict.use_reason


def test_a_score_that_needs_no_label_does_not_tell_what_was_learned():
    constant = Score(lambda output, target: 0.0 if target is None else 1.0)
    diagnosis = diagnose(Finder(), shapes(), images=40, score=constant, progress=False)
    assert "same with another image's label" in diagnosis.knowledge
    assert {verdict.use for verdict in diagnosis.filters} == {"withheld"}


def test_without_labels_boxes_are_held_against_what_the_intact_net_says():
    diagnosis = diagnose(YOLO(), [torch.rand(3, 40, 60) for _ in range(32)], images=32, layers=0, progress=False)
    assert (
        "without labels: F1 at IoU .5 1," in diagnosis.knowledge
    )  # it says the same of every image, and so knows nothing
    assert {verdict.use for verdict in diagnosis.filters} == {"withheld"}


def test_a_score_of_ones_own_reads_output_and_label():
    net, data = Finder(), shapes()
    share = Score(lambda output, mask: float((output.argmax(0) == mask).float().mean()), "pixel accuracy", 0.9)
    diagnosis = diagnose(net, data, images=IMAGES, layers="conv", score=share, progress=False)
    images, masks = (torch.stack(part) for part in zip(*data, strict=True))
    with torch.no_grad():
        maps = net.conv(images).relu()
        before = (net.head(maps).argmax(1) == masks).float().mean((1, 2))
        maps[:, 0] = maps[:, 0].mean()
        after = (net.head(maps).argmax(1) == masks).float().mean((1, 2))
    verdict = diagnosis.of_layer("conv")[0]
    assert verdict.delta_loss == pytest.approx(float((before - after).mean()), abs=1e-6)
    assert verdict.score == "pixel accuracy"


def test_it_goes_on_by_the_same_score_alone():
    net, data = Finder(), shapes()
    first = diagnose(net, data, images=30, layers="conv", progress=False)
    on = diagnose(net, data, images=IMAGES, layers="conv", resume=first, progress=False)
    whole = diagnose(net, data, images=IMAGES, layers="conv", progress=False)
    assert [v.delta_loss for v in on.filters] == pytest.approx([v.delta_loss for v in whole.filters], abs=1e-6)
    with pytest.raises(ValueError, match=r"another measure \(mean IoU\) than this does \(score\);"):
        diagnose(net, data, layers="conv", score=lambda output, mask: 1.0, resume=first, progress=False)


def test_the_strip_is_filtered_by_the_score():
    net, data = Finder(), shapes()
    right = Score(lambda output, mask: float((output.argmax(0) == mask).float().mean()), right_from=0.86)
    explorer = Explorer(net, data, score=right)
    engine = explorer.session.engine
    looked = engine.look_at([engine.sample(k) for k in range(20)])
    with torch.no_grad():
        outputs = net(torch.stack([image for image, _ in data[:20]])).argmax(1)
    expected = [
        float((output == mask).float().mean()) >= 0.86 for output, (_, mask) in zip(outputs, data[:20], strict=True)
    ]
    assert [one.right for one in looked] == expected and len({*expected}) == 2


def test_boxes_are_judged_by_f1_at_half():
    boxes = {"boxes": torch.tensor([[6.0, 6, 14, 14], [37, 27, 43, 33]]), "labels": torch.tensor([0, 1])}
    explorer = Explorer(
        YOLO(), [(torch.rand(3, 40, 60), boxes), (torch.rand(3, 40, 60), {**boxes, "labels": torch.tensor([0, 0])})]
    )
    engine = explorer.session.engine
    _, scores = engine.runner.answers_and_scores(
        [engine.sample(k).net_input for k in (0, 1)], [engine.sample(k).target for k in (0, 1)]
    )
    assert scores.tolist() == [1.0, 0.5]
    assert explorer.detections.labels.tolist() == [0, 1]
    assert "objects" in str(explorer.without(0, layer=0, replaced_by="zero"))


def test_knowledge_is_the_same_however_it_is_divided():
    random = np.random.default_rng(0)
    scores, others = random.random((2, 50))
    whole, parts = ScoreKnowledge("s", True, True), ScoreKnowledge("s", True, True)
    whole.add(scores, others)
    for part in (slice(0, 20), slice(20, 50)):
        more = ScoreKnowledge("s", True, True)
        more.add(scores[part], others[part])
        parts.merge(more)
    assert parts.learned() == pytest.approx(whole.learned())
    assert whole.learned()[1] == pytest.approx(stats.ttest_rel(scores, others, alternative="greater").pvalue)
