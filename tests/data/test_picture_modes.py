"""A PIL image of a data set is given to the net as it is, whatever its mode."""

import numpy as np
import pytest
from PIL import Image, ImageCms
from torch.utils.data import Dataset
from torchvision import transforms as v1

from filterscope.data.source import SampleSource
from filterscope.errors import SampleError

RNG = np.random.default_rng(1)
BYTES = RNG.integers(0, 256, (6, 9, 4)).astype(np.uint8)
BYTES[0, 0, 3] = 0
DEEP = RNG.integers(0, 65536, (6, 9)).astype(np.uint16)


class Given(Dataset):
    def __init__(self, picture, transform=None):
        self.picture, self.transform = picture, transform

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return self.picture if self.transform is None else self.transform(self.picture)


def read(picture, channels):
    return SampleSource(Given(picture), inputs=((2, channels),)).read(0)


def of_mode(mode, values):
    """A PIL image whose bands hold these bytes."""
    bands = [Image.fromarray(np.ascontiguousarray(band)) for band in np.moveaxis(values, -1, 0)]
    return Image.merge(mode, bands)


def palette(transparency=None, mode="RGB"):
    picture = Image.fromarray(BYTES[..., 0] % 10).convert("L")
    indices = Image.frombytes("P", picture.size, picture.tobytes())
    indices.putpalette(bytes(range(100, 130 if mode == "RGB" else 140)), mode)
    if transparency is not None:
        indices.info["transparency"] = transparency
    return indices


COLOURS = np.uint8([range(100, 130)]).reshape(10, 3)[BYTES[..., 0] % 10]
WITH_ALPHA = np.uint8([range(100, 140)]).reshape(10, 4)[BYTES[..., 0] % 10]
OPACITY = np.uint8([0, 128, *[255] * 8])[BYTES[..., 0] % 10]
ONE_INDEX = np.uint8([255, 255, 255, 0, *[255] * 6])[BYTES[..., 0] % 10]


def premultiplied(values):
    return np.concatenate(
        [(values[..., :-1].astype(int) * values[..., -1:] // 255).astype(np.uint8), values[..., -1:]], 2
    )


MODES = {
    "1": (lambda: Image.fromarray(BYTES[..., 0] > 99), 1, (BYTES[..., :1] > 99) * 255),
    "L": (lambda: of_mode("L", BYTES[..., :1]), 1, BYTES[..., :1]),
    "LA": (lambda: of_mode("LA", BYTES[..., :2]), 2, BYTES[..., :2]),
    "RGB": (lambda: of_mode("RGB", BYTES[..., :3]), 3, BYTES[..., :3]),
    "RGBA": (lambda: of_mode("RGBA", BYTES), 4, BYTES),
    "RGBX": (lambda: of_mode("RGBX", BYTES), 3, BYTES[..., :3]),
    "P": (palette, 3, COLOURS),
    "P, one index transparent": (lambda: palette(3), 4, np.dstack([COLOURS, ONE_INDEX])),
    "P, transparent, bytes": (lambda: palette(bytes([0, 128])), 4, np.dstack([COLOURS, OPACITY])),
    "P, transparent, for three channels": (lambda: palette(bytes([0, 128])), 3, COLOURS),
    "P of RGBA": (lambda: palette(mode="RGBA"), 4, WITH_ALPHA),
}


@pytest.mark.parametrize("mode", MODES)
def test_bytes_of_every_mode(mode):
    make, channels, values = MODES[mode]
    sample = read(make(), channels)
    np.testing.assert_allclose(sample.image, np.moveaxis(values / 255, -1, 0), atol=1e-7)
    assert sample.image.dtype == np.float32


def test_a_palette_of_transparency_by_pixel():
    picture = palette().convert("PA")
    picture.putalpha(Image.fromarray(BYTES[..., 3]))
    assert picture.mode == "PA"
    np.testing.assert_allclose(
        read(picture, 4).image, np.moveaxis(np.dstack([COLOURS, BYTES[..., 3]]) / 255, -1, 0), atol=1e-7
    )
    assert "Its transparency is left out." in read(picture, 3).note


def test_a_palette_for_a_net_of_gray_images():
    gray = read(palette(), 1).image
    np.testing.assert_allclose(gray[0], COLOURS @ [0.299, 0.587, 0.114] / 255, atol=0.6 / 255)


def test_what_is_multiplied_by_its_transparency_is_divided_again():
    colours = Image.frombytes("RGBa", (9, 6), premultiplied(BYTES).tobytes())
    gray = Image.frombytes("La", (9, 6), premultiplied(BYTES[..., 2:]).tobytes())
    for picture, values in ((colours, BYTES), (gray, BYTES[..., 2:])):
        image = read(picture, values.shape[-1]).image
        opacity = values[..., -1] / 255
        np.testing.assert_allclose(image[-1], opacity, atol=1e-7)
        off = np.abs(image[:-1] - np.moveaxis(values[..., :-1] / 255, -1, 0)) * opacity
        assert off.max() < 2 / 255


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr", "HSV", "LAB"])
def test_other_colours_become_rgb_and_it_is_said(mode):
    smooth = np.linspace([200, 120, 130], [110, 160, 170], 54).reshape(6, 9, 3).astype(np.uint8)
    colours = Image.fromarray(smooth)
    if mode == "LAB":
        profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        picture = ImageCms.profileToProfile(colours, *profiles, outputMode="LAB")
    else:
        picture = colours.convert(mode)
    sample = read(picture, 3)
    np.testing.assert_allclose(sample.image, np.moveaxis(smooth / 255, -1, 0), atol=8 / 255)
    assert f"{mode}, made RGB." in sample.note


@pytest.mark.parametrize("mode", ["I;16", "I;16L", "I;16B"])
def test_sixteen_bits_become_0_to_1(mode):
    order = ">u2" if mode == "I;16B" else "<u2"
    sample = read(Image.frombytes(mode, (9, 6), DEEP.astype(order).tobytes()), 1)
    np.testing.assert_allclose(sample.image[0], DEEP / 65535, atol=1e-7)
    assert sample.note == "16 bits: 0 … 65535 given to the net as 0 … 1."


def test_single_numbers_are_given_as_they_are():
    integers = DEEP.astype(np.int32) * 3 - 70000
    sample = read(Image.fromarray(integers), 1)
    np.testing.assert_array_equal(sample.image[0], integers)
    least, most = str(integers.min()).replace("-", "−"), integers.max()
    assert f"32-bit signed integers, given to the net as they are ({least} … {most})." in sample.note
    floats = RNG.random((6, 9)).astype(np.float32) * 300 - 20
    floats[0, 0] = np.nan
    sample = read(Image.fromarray(floats), 1)
    np.testing.assert_array_equal(sample.image[0], floats)
    assert "32-bit floats, given to the net as they are (−1" in sample.note


def test_a_picture_of_a_data_set_is_not_turned_and_it_is_said():
    picture = of_mode("RGB", BYTES[..., :3])
    picture.getexif()[0x0112] = 6
    sample = read(picture, 3)
    assert sample.image.shape == (3, 6, 9)
    assert "Its EXIF orientation says that it is to be turned by 90° to the right: not done" in sample.note
    assert "EXIF" not in SampleSource(Given(picture, v1.ToTensor()), inputs=((2, 3),)).read(0).note
    assert "EXIF" not in read(of_mode("RGB", BYTES[..., :3]), 3).note


def test_the_user_s_picture_stays_as_it_was():
    for mode, (make, channels, _) in MODES.items():
        picture = make()
        before = picture.mode, picture.tobytes(), dict(picture.info)
        read(picture, channels)
        assert (picture.mode, picture.tobytes(), dict(picture.info)) == before, mode


def test_a_coloured_picture_is_no_volume():
    with pytest.raises(SampleError, match="a PIL image of 3 channels; expected an image "):
        SampleSource(Given(of_mode("RGB", BYTES[..., :3])), inputs=((3, 1),)).read(0)


def test_a_picture_whose_file_is_cut_off_is_refused(tmp_path):
    of_mode("RGB", RNG.integers(0, 256, (60, 60, 3)).astype(np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes()[:4000])
    with pytest.raises(SampleError, match="truncated"):
        read(Image.open(tmp_path / "a.png"), 3)
