"""Other images in place of the data set's: through its own way to the net, and the data set never changed."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset
from torchvision import transforms

from explorers import data
from filterscope import Explorer, NetError, SampleError
from nets import TwoConvs, images, seeded


class Pictures(Dataset):
    """As torchvision's data sets are: a transform of a PIL image."""

    def __init__(self):
        self.transform = transforms.Compose(
            [transforms.Resize(14), transforms.ToTensor(), transforms.Normalize([0.5], [0.25])]
        )
        self.pictures = [np.full((20, 20), 40 * number, np.uint8) for number in range(3)]

    def __len__(self):
        return len(self.pictures)

    def __getitem__(self, index):
        return self.transform(Image.fromarray(self.pictures[index])), index


def test_a_picture_goes_through_the_datas_own_transform():
    source = Pictures()
    explorer = Explorer(seeded(TwoConvs), source)
    picture = np.random.default_rng(0).integers(0, 255, (30, 30, 3), dtype=np.uint8)
    explorer.try_image(picture)
    expected = source.transform(Image.fromarray(picture).convert("L"))
    np.testing.assert_array_equal(explorer.image, expected.numpy())
    assert explorer.label is None and "data's own transform" in explorer.session.engine.sample(0).note
    explorer.select(image=1)
    np.testing.assert_array_equal(explorer.image, source[1][0].numpy())
    explorer.try_image(None)
    np.testing.assert_array_equal(explorer.select(image=0).image, source[0][0].numpy())


def test_without_one_it_is_scaled_and_normalised_like_the_data():
    given = images(3, 1, 14, 14)
    explorer = Explorer(seeded(TwoConvs), (given - 0.5) / 0.25, mean=0.5, std=0.25)
    explorer.try_image(np.full((28, 28), 51, np.uint8))
    np.testing.assert_allclose(explorer.image, np.full((1, 14, 14), (0.2 - 0.5) / 0.25), rtol=1e-5)
    explorer.try_image(np.zeros((14, 14), np.float32))
    assert not explorer.image.any()


def test_painted_pixels_alone_change_and_the_rest_stays_exact():
    given = images(3, 1, 14, 14)
    explorer = Explorer(seeded(TwoConvs), (given - 0.5) / 0.25, mean=0.5, std=0.25)
    own = explorer.image
    pixels = np.floor(explorer.display * 255 + 0.5).astype(np.uint8)
    pixels[2:4, 5] = 255
    explorer.lab.try_pixels(pixels)
    expected = own.copy()
    expected[0, 2:4, 5] = (1 - 0.5) / 0.25
    np.testing.assert_allclose(explorer.image, expected, rtol=1e-6)
    changed = explorer.image != own
    assert changed.sum() == 2
    net = explorer.session.engine.net
    with torch.no_grad():
        scores = net.eval()(torch.from_numpy(explorer.image)[None]).softmax(1)[0]
    assert explorer.prediction[0][1] == pytest.approx(float(scores.max()), rel=1e-5)


BAD = [
    ("no such file.png", "cannot be opened"),
    (np.full((1, 14, 14), np.nan, np.float32), "NaN or infinite"),
    (np.zeros((3, 14, 14), np.float32), "floats of shape"),
    (np.zeros((2, 2, 2, 2), np.uint8), "a picture of shape"),
    (np.full((14, 14), 300), "give 0 … 255"),
    (object(), "no picture"),
    ([["a"]], "no picture"),
    (np.zeros((0, 3), np.uint8), "no picture"),
]


@pytest.mark.parametrize(("picture", "sentence"), BAD, ids=range(len(BAD)))
def test_what_is_no_picture_is_refused_by_a_sentence_and_changes_nothing(picture, sentence):
    explorer = Explorer(seeded(TwoConvs), data())
    before, revision = explorer.image, explorer.session.engine.revision
    with pytest.raises(SampleError, match=sentence):
        explorer.try_image(picture)
    np.testing.assert_array_equal(explorer.image, before)
    assert explorer.session.engine.revision == revision and explorer.lab.tried_image is None


class Picky(TwoConvs):
    def forward(self, x):
        if x.mean() > 2:
            raise RuntimeError("too bright")
        return super().forward(x)


def test_a_picture_that_the_net_refuses_is_never_shown():
    explorer = Explorer(seeded(Picky), data())
    before = explorer.image
    with pytest.raises(NetError, match="too bright"):
        explorer.try_image(np.full((1, 14, 14), 9, np.float32))
    np.testing.assert_array_equal(explorer.image, before)


def test_scans_see_the_data_set_alone():
    explorer, plain = (Explorer(seeded(TwoConvs), data()) for _ in range(2))
    explorer.try_image(np.full((14, 14), 255, np.uint8))
    found = [each.scan(images=4).wait().top("conv1", 0, 4).values for each in (explorer, plain)]
    np.testing.assert_array_equal(*found)


def test_the_heat_map_is_what_covering_each_place_does():
    net = seeded(TwoConvs).eval()
    explorer = Explorer(net, data(), layer_index=1, filter_index=2)
    found = explorer.lab.occlusion(box=4)
    image = torch.from_numpy(explorer.image)[None]
    with torch.no_grad():
        whole, activation = (
            net(image).log_softmax(1)[0],
            net.conv2(net.pool(net.conv1(image).relu())).relu()[0, 2].sum(),
        )
        for row, column in ((0, 0), (2, 5), (6, 3)):
            covered = image.clone()
            top, left = (max(0, 1 + 2 * at - 2) for at in (row, column))
            covered[..., top : 1 + 2 * row + 2, left : 1 + 2 * column + 2] = image.mean()
            fall = whole[found.predicted] - net(covered).log_softmax(1)[0, found.predicted]
            assert found.probability[row, column] == pytest.approx(float(fall), abs=1e-5)
            now = net.conv2(net.pool(net.conv1(covered).relu())).relu()[0, 2].sum()
            assert found.filter[row, column] == pytest.approx(float(activation - now), abs=1e-4)
    with pytest.raises(ValueError, match="the box is 15 pixels wide; give 1 to 14"):
        explorer.lab.occlusion(box=15)
