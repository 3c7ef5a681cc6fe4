"""A picture in a file is given to the net with all its bits and upright, or a sentence says why not."""

import io
import os
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image
from torchvision import transforms as v1

from filterscope.data import picture_file
from filterscope.data.source import SampleSource
from filterscope.errors import SampleError
from picture_files import png, tiff

RNG = np.random.default_rng(0)
SHAPE = (6, 9)
DEEP = RNG.integers(0, 65536, (*SHAPE, 4)).astype(np.uint16)
DEEP[0, 0], DEEP[0, 1] = 0, 65535
BYTES = RNG.integers(0, 256, (*SHAPE, 4)).astype(np.uint8)
LUMA = np.float64([0.299, 0.587, 0.114])


def source_of(folder, name, content, channels=3, **options):
    (folder / name).write_bytes(content)
    return SampleSource(folder, inputs=((2, channels),), **options)


def saved(picture, kind, **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def expected(values, channels):
    """What a net of so many channels is given of gray or coloured values `(H, W)` or `(H, W, C)`, as `(C, H, W)`."""
    values = np.asarray(values, np.float64)
    colours = np.repeat(values[:, :, None], 3, 2) if values.ndim == 2 else values[:, :, :3]
    if channels == 1:
        return (colours @ LUMA)[None] if values.ndim == 3 else values[None]
    if channels == 4:
        opacity = values[:, :, 3:] if values.shape[2:] == (4,) else np.ones((*SHAPE, 1))
        colours = np.concatenate([colours, opacity], 2)
    return np.moveaxis(colours, -1, 0)


FLOATS = (RNG.random((*SHAPE, 3)) * 8 - 4).astype(np.float32)
SIGNED = RNG.integers(-30000, 30000, (*SHAPE, 3)).astype(np.int16)
LONG = RNG.integers(0, 2**32, SHAPE).astype(np.uint32)
SCALED = "16 bits: 0 … 65535 given to the net as 0 … 1."
FILES = {
    "gray.png": (png(DEEP[..., 0]), DEEP[..., 0] / 65535, SCALED),
    "colours.png": (png(DEEP[..., :3]), DEEP[..., :3] / 65535, SCALED),
    "transparent.png": (png(DEEP), DEEP / 65535, SCALED),
    "gray with transparency.png": (png(DEEP[..., :2]), DEEP[..., [0, 0, 0, 1]] / 65535, SCALED),
    "gray.pgm": (b"P5 9 6 65535\n" + DEEP[..., 0].astype(">u2").tobytes(), DEEP[..., 0] / 65535, SCALED),
    "colours.ppm": (
        b"P6 9 6 4095\n" + (DEEP[..., :3] // 16).astype(">u2").tobytes(),
        DEEP[..., :3] // 16 / 4095,
        "16 bits: 0 … 4095 given to the net as 0 … 1.",
    ),
    "gray.tif": (tiff(DEEP[..., 0]), DEEP[..., 0] / 65535, SCALED),
    "gray other way round.tif": (tiff(DEEP[..., 0], order=">"), DEEP[..., 0] / 65535, SCALED),
    "white is zero.tif": (tiff(DEEP[..., 0], photometric=0), 1 - DEEP[..., 0] / 65535, SCALED),
    "colours.tiff": (tiff(DEEP[..., :3]), DEEP[..., :3] / 65535, SCALED),
    "transparent.tif": (tiff(DEEP), DEEP / 65535, SCALED),
    "several.tif": (tiff(DEEP[..., 0], DEEP[..., 1]), DEEP[..., 0] / 65535, "The first of several pictures"),
    "signed bytes.tif": (
        tiff((SIGNED[..., 0] % 256 - 128).astype(np.int8)),
        SIGNED[..., 0] % 256 - 128,
        "8-bit signed",
    ),
    "signed.tif": (tiff(SIGNED[..., 0]), SIGNED[..., 0], "16-bit signed integers, given to the net as they are (−"),
    "signed colours.tif": (tiff(SIGNED), SIGNED, "16-bit signed integers, given to the net as they are (−"),
    "unsigned.tif": (tiff(LONG), LONG, "32-bit integers, given to the net as they are ("),
    "integers.tif": (tiff(LONG.astype(np.int32)), LONG.astype(np.int32), "32-bit signed integers"),
    "floats.tif": (tiff(FLOATS[..., 0]), FLOATS[..., 0], "32-bit floats, given to the net as they are (−"),
    "doubles.tif": (tiff(FLOATS[..., 0].astype(float)), FLOATS[..., 0], "64-bit floats"),
    "coloured floats.tif": (tiff(FLOATS), FLOATS, "32-bit floats, given to the net as they are (−"),
    "coloured doubles.tif": (tiff(FLOATS.astype(float), order=">"), FLOATS, "64-bit floats"),
}


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("name", FILES)
def test_all_bits_of_a_file_reach_the_net(name, channels, tmp_path):
    content, values, note = FILES[name]
    sample = source_of(tmp_path, name, content, channels).read(0)
    right = expected(values, channels)
    assert sample.image.dtype == np.float32
    np.testing.assert_allclose(sample.image, right, rtol=2e-6, atol=3e-7 * np.abs(right).max())
    assert note in sample.note
    listed = SampleSource([(tmp_path / name, 3)], inputs=((2, channels),)).read(0)
    assert np.array_equal(listed.image, sample.image) and listed.note.startswith(sample.note)


def test_transparency_that_the_net_does_not_take_is_said_to_be_left_out(tmp_path):
    opaque = BYTES.copy()
    opaque[..., 3] = 255
    for name, content in {"deep.png": png(DEEP), "bytes.png": png(BYTES), "gray.png": png(BYTES[..., :2])}.items():
        for channels, said in ((1, True), (3, True), (4, False)):
            note = source_of(tmp_path, "a.png", content, channels).read(0).note
            assert (note.count("Its transparency is left out.") == 1) is said, (name, channels)
    assert "transparency" not in source_of(tmp_path, "a.png", png(opaque)).read(0).note


PALETTE = [(b"PLTE", bytes(range(30, 60))), (b"tRNS", bytes([0, 128]))]
INDICES = RNG.integers(0, 10, SHAPE).astype(np.uint8)
ONE_BIT = BYTES[..., 0] > 127
EIGHT_BITS = {
    "gray": (png(BYTES[..., 0]), BYTES[..., 0]),
    "gray with transparency": (png(BYTES[..., :2]), BYTES[..., [0, 0, 0, 1]]),
    "colours": (png(BYTES[..., :3]), BYTES[..., :3]),
    "transparent": (png(BYTES), BYTES),
    "palette": (png(INDICES, PALETTE[:1], 3), np.uint8([range(30, 60)]).reshape(10, 3)[INDICES]),
    "one bit": (saved(Image.fromarray(ONE_BIT), "PNG"), ONE_BIT.astype(np.uint8) * 255),
    "white is zero": (tiff(BYTES[..., 0], photometric=0), 255 - BYTES[..., 0]),
    "tiff": (tiff(BYTES[..., :3], planar=True), BYTES[..., :3]),
}


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("name", EIGHT_BITS)
def test_bytes_reach_the_net_as_they_are(name, channels, tmp_path):
    content, values = EIGHT_BITS[name]
    sample = source_of(tmp_path, "a.png", content, channels).read(0)
    slack = 0.5 / 255 + 1e-6 if channels == 1 and values.ndim == 3 else 1e-7  # Pillow rounds the luma to bytes
    np.testing.assert_allclose(sample.image, expected(values / 255, channels), atol=slack)
    assert "0 … 255 given to the net as 0 … 1." in sample.note


@pytest.mark.parametrize("transparency", [bytes([0, 128]), bytes([255] * 3 + [0])], ids=["alphas", "one index"])
def test_a_palette_with_transparency(transparency, tmp_path):
    content = png(INDICES, [PALETTE[0], (b"tRNS", transparency)], 3)
    colours = np.uint8([range(30, 60)]).reshape(10, 3)[INDICES]
    opacity = np.frombuffer(transparency.ljust(10, b"\xff"), np.uint8)[INDICES]
    sample = source_of(tmp_path, "a.png", content).read(0)
    np.testing.assert_allclose(sample.image, np.moveaxis(colours / 255, -1, 0), atol=1e-7)
    assert "Its transparency is left out." in sample.note
    with_it = source_of(tmp_path, "a.png", content, 4).read(0).image
    np.testing.assert_allclose(with_it[3], opacity / 255, atol=1e-7)


def test_inks_become_colours_and_it_is_said(tmp_path):
    inks = Image.fromarray(np.full((16, 16, 4), [0, 255, 255, 0], np.uint8), "CMYK")
    sample = source_of(tmp_path, "a.jpg", saved(inks, "JPEG", quality=100)).read(
        0
    )  # Pillow writes Adobe's inverted inks
    np.testing.assert_allclose(sample.image, np.float32([1, 0, 0])[:, None, None] * np.ones((1, 16, 16)), atol=0.02)
    assert "CMYK, made RGB." in sample.note


TURNS = {
    1: lambda values: values,
    2: lambda values: values[:, ::-1],
    3: lambda values: values[::-1, ::-1],
    4: lambda values: values[::-1],
    5: lambda values: np.swapaxes(values, 0, 1),
    6: lambda values: np.rot90(values, -1),
    7: lambda values: np.swapaxes(values[::-1, ::-1], 0, 1),
    8: lambda values: np.rot90(values),
}
LOSSLESS = {
    "png": lambda exif, values: saved(Image.fromarray(values), "PNG", exif=exif),
    "webp": lambda exif, values: saved(Image.fromarray(values), "WEBP", exif=exif, lossless=True),
    "deep png": lambda exif, values: png(DEEP[..., :3], [(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0"))]),
    "gray deep png": lambda exif, values: png(DEEP[..., 0], [(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0"))]),
    "tiff": lambda exif, values: tiff(values, orientation=exif[0x0112]),
    "deep tiff": lambda exif, values: tiff(DEEP[..., :3], orientation=exif[0x0112]),
    "gray deep tiff": lambda exif, values: tiff(DEEP[..., 0], orientation=exif[0x0112]),
}


@pytest.mark.parametrize("kind", LOSSLESS)
@pytest.mark.parametrize("orientation", TURNS)
def test_a_picture_is_turned_as_its_exif_says(orientation, kind, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = orientation
    sample = source_of(tmp_path, "a." + kind.split()[-1], LOSSLESS[kind](exif, BYTES[..., :3])).read(0)
    values = DEEP / 65535 if "deep" in kind else BYTES / 255
    upright = TURNS[orientation](values[..., [0, 0, 0]] if "gray" in kind else values[..., :3])
    np.testing.assert_allclose(sample.image, np.moveaxis(upright, -1, 0), atol=1e-6)
    assert ("as its EXIF orientation says." in sample.note) is (orientation > 1)


@pytest.mark.parametrize("orientation", TURNS)
def test_a_photograph_is_turned_as_opencv_turns_it(orientation, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = orientation
    photograph = cv2.resize(BYTES[..., :3], (36, 24), interpolation=cv2.INTER_CUBIC)
    source = source_of(tmp_path, "a.jpg", saved(Image.fromarray(photograph), "JPEG", exif=exif))
    oracle = cv2.cvtColor(cv2.imread(str(tmp_path / "a.jpg")), cv2.COLOR_BGR2RGB) / 255
    np.testing.assert_allclose(source.read(0).image, np.moveaxis(oracle, -1, 0), atol=3 / 255)  # two decoders
    turned = SampleSource(tmp_path, inputs=((2, 3),), transform=v1.ToTensor()).read(0)
    assert np.array_equal(turned.image, source.read(0).image)


def test_words_for_each_orientation(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    note = source_of(tmp_path, "a.jpg", saved(Image.new("RGB", (9, 6)), "JPEG", exif=exif)).read(0).note
    assert "Turned by 90° to the right, as its EXIF orientation says." in note


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_of_several_pictures_the_first_is_given_and_it_is_said(kind, tmp_path):
    pages = [Image.fromarray(np.full((8, 8, 3), [value, 10, 200], np.uint8)) for value in (40, 90, 160)]
    options = {"lossless": True} if kind == "WEBP" else {}
    content = saved(pages[0], kind, save_all=True, append_images=pages[1:], **options)
    source = source_of(tmp_path, f"a.{kind.lower()}", content)
    sample = source.read(0)
    assert len(source) == 1 and "The first of several pictures in its file." in sample.note
    np.testing.assert_allclose(sample.image[:, 3, 4], np.float32([40, 10, 200]) / 255, atol=3 / 255)  # GIF's palette
    alone = source_of(tmp_path, f"a.{kind.lower()}", saved(pages[0], kind, **options)).read(0)
    assert "several" not in alone.note and np.allclose(alone.image, sample.image)


def test_a_transform_receives_the_picture_as_pillow_holds_it(tmp_path):
    kinds = {}

    def kind_of(picture):
        kinds[name] = getattr(picture, "mode", None) or (picture.dtype, picture.shape)
        return np.zeros((6, 9, 3), np.float32)

    notes = {}
    for name, (content, _, _) in FILES.items():
        place = tmp_path / name.replace(".", "_")
        place.mkdir()
        notes[name] = source_of(place, name, content, transform=kind_of).read(0).note
    assert kinds["gray.png"] == kinds["gray.tif"] == "I;16" and kinds["floats.tif"] == "F"
    assert kinds["colours.png"] == "RGB" and kinds["coloured floats.tif"] == (np.float32, (6, 9, 3))
    assert kinds["unsigned.tif"] == (np.uint32, (6, 9))
    lost = "It has more than 8 bits a colour, of which the transform receives 8."
    assert lost in notes["colours.png"] and lost not in notes["gray.png"]


def test_numbers_that_no_library_here_reads_right_are_refused(tmp_path):
    for content, words in {
        tiff(DEEP[..., :3], planar=True): "3 unsigned samples of 16 bits a pixel in separate planes",
        tiff(DEEP[..., :2]): "2 unsigned samples of 16 bits a pixel",
        tiff(FLOATS[..., 0].astype(np.float16)): "one floating sample of 16 bits a pixel",
        tiff(np.dstack([BYTES, BYTES[..., :1]]), photometric=1): "5 unsigned samples of 8 bits a pixel",
    }.items():
        with pytest.raises(SampleError, match=f"a.tif cannot be read: it is a TIFF file of {words}; .* give its array"):
            source_of(tmp_path, "a.tif", content).read(0)


@pytest.mark.parametrize("name", ["gray.png", "colours.png", "gray.tif", "coloured floats.tif", "colours.ppm"])
def test_a_file_that_is_cut_off_is_refused(name, tmp_path):
    content = FILES[name][0]
    with pytest.raises(SampleError, match=f"{name} cannot be read: "):
        source_of(tmp_path, name, content[: len(content) * 2 // 3]).read(0)


def test_no_larger_picture_than_fits_is_read_without_a_transform(tmp_path, monkeypatch):
    monkeypatch.setattr(picture_file, "LARGEST", 5_000_000)
    (tmp_path / "a.png").write_bytes(png(np.zeros((2000, 3000), np.uint8)))
    (tmp_path / "b.tif").write_bytes(tiff(np.zeros((2000, 3000), np.uint16)))
    for name, words in (("a.png", "3000 × 2000"), ("b.tif", "3000 × 2000")):
        with pytest.raises(SampleError, match=f"{name} has {words} pixels, .* more than 5 million .*transform="):
            SampleSource([tmp_path / name], inputs=((2, 3),)).read(0)
    smaller = SampleSource(tmp_path / "a.png", inputs=((2, 3),), transform=v1.Resize(20)).read(0)
    assert smaller.image.shape == (3, 20, 30)


def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "b.png")
    with pytest.raises(SampleError, match=r"b.png cannot be read: it is no file"):
        SampleSource([tmp_path / "b.png"], inputs=((2, 3),)).read(0)
    with pytest.raises(ValueError, match="neither a file nor a folder"):
        SampleSource(tmp_path / "b.png", inputs=((2, 3),))
    with pytest.raises(ValueError, match="holds no pictures"):
        SampleSource(tmp_path, inputs=((2, 3),))
    (tmp_path / "a.png").write_bytes(png(BYTES))
    assert len(SampleSource(tmp_path, inputs=((2, 3),))) == 1
    (tmp_path / "class").mkdir()
    os.mkfifo(tmp_path / "class" / "b.png")
    (tmp_path / "class" / "c.png").write_bytes(png(BYTES))
    assert len(SampleSource(tmp_path, inputs=((2, 3),))) == 1


def test_links_in_a_circle_count_no_picture_twice(tmp_path):
    for folder in ("cat", "cat/small", "dog"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "1.png").write_bytes(png(BYTES))
    (tmp_path / "cat" / "again").symlink_to(tmp_path / "cat")
    (tmp_path / "cat" / "small" / "up").symlink_to(tmp_path)
    (tmp_path / "cat" / "little").symlink_to(tmp_path / "cat" / "small")
    (tmp_path / "all").symlink_to(tmp_path)
    (tmp_path / "dog" / "2.png").symlink_to(tmp_path / "dog" / "1.png")
    source = SampleSource(tmp_path, inputs=((2, 3),))
    assert source.classes == ("cat", "dog")
    assert [source.read(index).label for index in range(len(source))] == ["cat", "cat", "dog", "dog"]


def test_a_file_that_says_to_be_enormous_is_refused(tmp_path):
    content = bytearray(png(BYTES))
    content[16:24] = (30000).to_bytes(4, "big") * 2
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    for options in ({}, {"transform": v1.Resize(20)}):
        with pytest.raises(SampleError, match=r"a.png cannot be read: Image size \(900000000 pixels\) exceeds limit"):
            source_of(tmp_path, "a.png", bytes(content), **options).read(0)
