"""A frame holds what Python says, in the encoding and range that it states."""

import numpy as np
import pytest
import torch
from torch import nn

from filterscope.data.source import SampleSource
from filterscope.engine.engine import Engine
from filterscope.filters import agreement as agreement_room
from filterscope.filters import value_range
from filterscope.filters.block_means import block_means
from filterscope.frames import frame
from filterscope.frames import layer_picture as pictures
from filterscope.frames.outline import outline
from filterscope.frames.prediction import build_prediction
from filterscope.session.selection import Selection, selection_from
from framing import filters_of, frame_of, layer_part_of
from nets import TwoConvs, images, seeded


@pytest.fixture(name="engine")
def two_convs():
    return Engine(
        seeded(TwoConvs), SampleSource([(image, 1) for image in images(3, 1, 14, 14)], classes=["a", "b", "c"])
    )


@pytest.mark.parametrize("channel", [None, 2])
@pytest.mark.parametrize("source", ["input", "image"])
def test_a_frame_is_what_the_engine_computes(engine, channel, source):
    built = frame_of(engine, Selection(1, 1, 4, channel, source))
    assert np.array_equal(built["responses"]["tensor"], engine.moment(1, 1).responses.of_all_filters(channel, source))
    assert np.array_equal(built["detail"]["response"], engine.response(1, 1, 4, channel, source))
    assert np.array_equal(built["activations"]["tensor"], engine.moment(1, 1).activations)
    assert np.array_equal(built["detail"]["activation"], engine.moment(1, 1).activation(4))
    shown = [2] if channel == 2 else [0, 1, 2, 3] if source == "input" else [0]
    assert np.array_equal(built["kernels"]["tensor"], engine.kernels(1)[:, shown])
    assert np.array_equal(built["detail"]["kernel"], engine.kernels(1)[4][shown])
    assert built["kernels"]["encoding"] == "float32"
    assert built["sample"]["label"] == "b"
    assert built["sample"]["prediction"] == engine.prediction(1)
    expected = np.floor(images(3, 1, 14, 14)[1, 0].numpy() * np.float32(255) + np.float32(0.5))
    assert np.array_equal(built["sample"]["display"], expected.astype(np.uint8))


def test_the_proof_goes_with_the_responses_that_it_is_about(engine):
    agreement = frame_of(engine, Selection(1, 1, 4, None, "input"))["agreement"]
    assert np.array_equal(agreement["bias"], engine.layers[1].bias)
    gap = (
        engine.moment(1, 1).responses.of_all_filters(None, "input")
        + engine.layers[1].bias[:, None, None]
        - engine.moment(1, 1).pre_activations
    )
    assert np.array_equal(agreement["difference"], np.abs(gap).max((1, 2)))
    assert agreement["difference"].max() < 1e-5
    assert frame_of(engine, Selection(1, 1, 4, 0, "input"))["agreement"] is None
    assert frame_of(engine, Selection(1, 1, 4, None, "image"))["agreement"] is None


def test_one_scale_for_the_layer_or_one_for_each_map(engine):
    layer = frame_of(engine, Selection(0, 0, 0, None, "input", "layer"))["responses"]
    single = frame_of(engine, Selection(0, 0, 0, None, "input", "map"))["responses"]
    maps = engine.moment(0, 0).responses.of_all_filters(None, "input")
    assert [r["high"] for r in layer["ranges"]] == [float(np.abs(maps).max())]
    assert [r["maximum"] for r in single["ranges"]] == [float(one.max()) for one in maps]


@pytest.mark.parametrize("scale", ["layer", "map"])
def test_a_large_layer_goes_as_codes_that_lie_within_half_a_step(monkeypatch, engine, scale):
    monkeypatch.setattr(pictures, "FULL_PRECISION_BYTES", 100)
    picture = frame_of(engine, Selection(0, 0, 0, None, "input", scale))["responses"]
    maps = engine.moment(0, 0).responses.of_all_filters(None, "input")
    assert (picture["encoding"], picture["reduced"], picture["tensor"].dtype) == ("codes", 1, np.uint8)
    for index, one in enumerate(maps):
        shown = picture["ranges"][0 if scale == "layer" else index]
        back = shown["low"] + (picture["tensor"][index] - 2.0) / 252 * (shown["high"] - shown["low"])
        assert np.abs(back - one).max() <= (shown["high"] - shown["low"]) / 252 * 0.5001


def test_what_is_still_too_large_goes_as_block_means(monkeypatch, engine):
    maps = np.arange(2 * 5 * 7, dtype=np.float32).reshape(2, 5, 7)
    means = block_means(maps, 3)
    assert means.shape == (2, 2, 3)
    assert means[1, 1, 2] == maps[1, 3:, 6:].mean()
    assert means[0, 0, 1] == maps[0, :3, 3:6].mean()
    monkeypatch.setattr(pictures, "FULL_PRECISION_BYTES", 100)
    monkeypatch.setattr(pictures, "SHOWN_CODES", 4 * 5 * 5)
    monkeypatch.setattr(pictures, "SHOWN_SIDE", 4)
    built = frame_of(engine, Selection(0, 0, 2, None, "input"))
    assert built["responses"]["reduced"] == 3
    assert built["responses"]["tensor"].shape == (4, 4, 4)
    assert built["detail"]["response"].shape == (12, 12)  # the selected filter is always whole


def test_maxima_and_means_of_the_activations_come_where_the_page_has_not_all_values(monkeypatch, engine):
    assert frame_of(engine, Selection(1, 1, 4))["activity"] is None
    monkeypatch.setattr(pictures, "FULL_PRECISION_BYTES", 100)
    monkeypatch.setattr(pictures, "SHOWN_CODES", 30)
    monkeypatch.setattr(pictures, "SHOWN_SIDE", 2)
    built = frame_of(engine, Selection(1, 1, 3))
    maps = engine.moment(1, 1).activations
    assert built["activations"]["reduced"] > 1
    assert np.array_equal(built["activity"]["maximum"], maps.max((1, 2)))
    np.testing.assert_allclose(built["activity"]["mean"], maps.mean((1, 2), dtype=np.float64), rtol=1e-6)
    assert {values.dtype.name for values in built["activity"].values()} == {"float32"}


def test_too_many_kernels_go_as_their_root_mean_square(monkeypatch):
    net = nn.Sequential(seeded(lambda: nn.Conv2d(8, 4, 3)))
    engine = Engine(net, SampleSource(images(1, 8, 6, 6)))
    monkeypatch.setattr(pictures, "MOST_CODES", 100)
    built = frame_of(engine, Selection(0, 0, 1, None, "input"))
    weight = net[0].weight.detach().numpy()
    np.testing.assert_allclose(built["kernels"]["tensor"][:, 0], np.sqrt((weight**2).mean(1)), rtol=1e-6)
    assert np.array_equal(built["detail"]["kernel"], weight[1])


def test_a_net_whose_output_is_nan_still_gives_a_frame():
    net = seeded(TwoConvs)
    with torch.no_grad():
        net.fc.weight.fill_(float("nan"))
        net.conv1.weight[2].fill_(float("nan"))
    built = frame_of(Engine(net, SampleSource(images(1, 1, 14, 14))), Selection(0, 0, 0, None, "input"))
    assert built["sample"]["prediction"] == []
    assert built["responses"]["ranges"][0]["nan"] == 144


def test_one_value_that_is_no_number_makes_maximum_and_mean_so(monkeypatch):
    monkeypatch.setattr(pictures, "FULL_PRECISION_BYTES", 100)
    net = seeded(TwoConvs)
    with torch.no_grad():
        net.conv1.weight[2].fill_(float("nan"))
    activity = frame_of(Engine(net, SampleSource(images(1, 1, 14, 14))), Selection(0, 0, 0))["activity"]
    for values in activity.values():
        assert np.array_equal(np.isnan(values), [False, False, True, False])


@pytest.fixture(name="volumes")
def conv3d_and_a_pool():
    """A net whose maps have 4 slices before its pool and 2 after it; kernels with 3 and 1."""
    layers = (nn.Conv3d(2, 3, 3), nn.MaxPool3d(2), nn.ReLU(), nn.Conv3d(3, 2, (1, 2, 2)), nn.Flatten())
    return Engine(seeded(lambda: nn.Sequential(*layers)), SampleSource(list(images(1, 2, 6, 8, 7)), inputs=[(3, None)]))


def test_of_a_volume_maxima_and_means_are_those_of_all_slices(volumes):
    activity = frame_of(volumes, Selection(0, 0, 1, slice=0))["activity"]
    maps = volumes.moment(0, 0).activations
    assert np.array_equal(activity["maximum"], maps.max((1, 2, 3)))
    np.testing.assert_allclose(activity["mean"], maps.mean((1, 2, 3), dtype=np.float64), rtol=1e-6)


@pytest.mark.parametrize("chosen", [0, 1, 3])
def test_of_a_volume_the_chosen_slices_are_drawn(volumes, chosen):
    kernel_slice = min(chosen, 2)
    built = frame_of(volumes, Selection(0, 0, 1, None, "input", slice=chosen, kernel_slice=kernel_slice))
    responses = volumes.moment(0, 0).responses.of_all_filters(None, "input")
    assert np.array_equal(built["responses"]["tensor"], responses[:, chosen])
    assert np.array_equal(built["detail"]["response"], responses[1, chosen])
    assert np.array_equal(built["kernels"]["tensor"], volumes.kernels(0)[:, :, kernel_slice])
    assert np.array_equal(built["detail"]["kernel"], volumes.kernels(0)[1, :, kernel_slice])
    assert f"slice {chosen} of 4" in built["notes"]["response"]
    assert f"slice {kernel_slice} of 3" in built["notes"]["kernel"]
    # The activation, half as deep after the pool, is shown at the same height.
    assert np.array_equal(built["detail"]["activation"], volumes.moment(0, 0).activations[1, chosen // 2])
    assert built["notes"]["activation"].endswith(f"slice {chosen // 2} of 2")
    assert (built["slice"], built["kernel_slice"]) == (chosen, kernel_slice)


def test_over_an_image_deeper_than_the_maps_the_slice_is_at_the_same_height(volumes):
    built = frame_of(volumes, Selection(0, 0, 1, None, "image", slice=3))
    over = volumes.moment(0, 0).responses.of_all_filters(None, "image")
    assert over.shape[1] == 6
    assert np.array_equal(built["responses"]["tensor"], over[:, 5])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"slice": 4}, "slice is 4; the maps of layer 0 have slices 0 … 3; None means the middle one"),
        ({"slice": -1}, "slice is -1"),
        ({"slice": "0"}, "slice is '0'"),
        ({"kernel_slice": 3}, "kernel_slice is 3; the kernels of layer 0 have slices 0 … 2"),
    ],
)
def test_a_slice_that_is_not_there_is_refused(volumes, change, sentence):
    asked = {"image": 0, "layer": 0, "filter": 1, "channel": None, "source": "input"}
    assert selection_from(volumes, asked | {"slice": 3, "kernel_slice": None}).slice == 3
    with pytest.raises(ValueError, match=sentence):
        selection_from(volumes, asked | change)


def test_a_net_without_volumes_has_no_slices(engine):
    with pytest.raises(ValueError, match="slice is 0; conv2 has no volumes to slice: leave it out"):
        selection_from(engine, GOOD | {"slice": 0})


def test_a_signal_is_a_row_and_of_a_volume_the_middle_slice_is_drawn():
    for rank, size in ((1, (20,)), (3, (6, 8, 7))):
        conv = (nn.Conv1d, nn.Conv3d)[rank // 2]
        net = nn.Sequential(seeded(lambda conv=conv: conv(2, 3, 3)), nn.ReLU())
        engine = Engine(net, SampleSource(list(images(1, 2, *size)), inputs=[(rank, None)]))
        built = frame_of(engine, Selection(0, 0, 1, None, "input"))
        whole = engine.moment(0, 0).activations
        drawn = whole[:, None] if rank == 1 else whole[:, 2]
        assert np.array_equal(built["activations"]["tensor"], drawn)
        assert np.array_equal(built["detail"]["activation"], drawn[1])
        kernels = engine.kernels(0)
        assert np.array_equal(built["kernels"]["tensor"], kernels[:, :, None] if rank == 1 else kernels[:, :, 1])
        assert built["notes"]["activation"] == "0 → ReLU" + ("" if rank == 1 else "; slice 2 of 4")
        assert built["agreement"]["difference"].max() < 1e-5
        assert built["sample"]["display"].shape == ((2, 20) if rank == 1 else (8, 7))


NOTES = {
    (
        1,
        "input",
        None,
    ): "cv2.filter2D of all 4 kernels over the layer's own input, summed over its channels; without the bias",
    (1, "input", 3): "cv2.filter2D of kernel 3 of 4 over its channel of the layer's own input; without the bias",
    (1, "image", None): "cv2.filter2D of kernel 0 of 4 over the image itself",
    (0, "image", None): "cv2.filter2D of kernel 0 of 1 over the image itself",
}


@pytest.mark.parametrize("case", NOTES, ids=str)
def test_the_response_says_what_it_is(engine, case):
    layer, source, channel = case
    built = frame_of(engine, Selection(0, layer, 0, channel, source))
    assert built["notes"]["response"] == NOTES[case]


def test_outline_lists_the_layers(engine):
    told = outline("1.2", engine.revision, 3, (1, 14, 14), engine.layers)
    assert (told["version"], told["images"], told["input"]) == ("1.2", 3, [1, 14, 14])
    assert [one["title"] for one in told["layers"]] == [
        "conv1 · Conv2d(1→4, 3×3) · 4×12×12",
        "conv2 · Conv2d(4→6, 3×3) · 6×4×4",
    ]
    assert [one["activation_name"] for one in told["layers"]] == ["conv1 → relu", "conv2 → relu"]


GOOD = {"image": 0, "layer": 1, "filter": 5, "channel": None, "source": "input"}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"image": 3}, "image is 3; this data set has images 0 … 2"),
        ({"image": -1}, "image is -1"),
        ({"image": "0"}, "image is '0'"),
        ({"image": True}, "image is True"),
        ({"layer": 2}, "layer is 2; this net has convolutions 0 … 1"),
        ({"filter": 6}, "filter is 6; conv2 has filters 0 … 5"),
        ({"filter": None}, "filter is None"),
        ({"channel": 4}, "channel is 4; a filter of conv2 has kernels 0 … 3; None means all"),
        ({"source": "both"}, "source is 'both'; choose 'image' or 'input'"),
        ({"source": ["image"]}, "source is"),
        ({"scale": "huge"}, "scale is 'huge'; choose 'layer', 'map' or 'checkpoints'"),
    ],
)
def test_a_forged_selection_is_refused_with_what_is_possible(engine, change, sentence):
    assert selection_from(engine, GOOD) == Selection(0, 1, 5, None, "input", "layer")
    with pytest.raises(ValueError, match=sentence):
        selection_from(engine, GOOD | change)


def test_a_selection_with_parts_missing_is_refused(engine):
    with pytest.raises(ValueError, match="the request lacks filter, source"):
        selection_from(engine, {"image": 0, "layer": 0})


@pytest.mark.parametrize("scale", ["layer", "map"])
def test_more_filters_of_a_frame_are_those_it_would_have_had(monkeypatch, engine, scale):
    monkeypatch.setattr(pictures, "FULL_PRECISION_BYTES", 100)
    selection = Selection(1, 1, 0, None, "input", scale)
    built = frame_of(engine, selection)
    coded = filters_of(engine, selection, [4, 2], frame.ranges_of(built))
    exact = filters_of(engine, selection, [4, 2], None)
    assert coded["revision"] == exact["revision"] == engine.revision
    for place, one in enumerate((4, 2)):
        whole = frame_of(engine, Selection(1, 1, one, None, "input", scale))
        more, values = coded["filters"][place], exact["filters"][place]
        assert more["filter"] == values["filter"] == one
        for name, picture in (("response", "responses"), ("activation", "activations")):
            assert np.array_equal(values[name], whole["detail"][name])
            assert np.array_equal(more[name]["tensor"], whole[picture]["tensor"][one])
            assert more[name]["summary"]["minimum"] == values[name].min()
            assert more[name]["summary"]["maximum"] == values[name].max()
        assert np.array_equal(more["kernel"], whole["detail"]["kernel"])


@pytest.mark.parametrize("scale", ["layer", "map"])
def test_a_very_large_map_goes_as_the_codes_of_its_values(monkeypatch, engine, scale):
    selection = Selection(1, 1, 4, None, "input", scale)
    whole = frame_of(engine, selection)
    monkeypatch.setattr(frame, "_CODED_FROM", 1)
    built = frame_of(engine, selection)
    for name, picture in (("response", "responses"), ("activation", "activations")):
        values, sent = whole["detail"][name], built["detail"][name]
        shown = built[picture]["ranges"][4 if scale == "map" else 0]
        assert np.array_equal(sent["tensor"], value_range.encode(values, value_range.ValueRange(**shown)))
        ends = {"minimum": values.min(), "maximum": values.max(), "nan": 0, "infinite": 0}
        assert sent["summary"] == ends
    assert np.array_equal(built["detail"]["kernel"], whole["detail"]["kernel"])


def test_the_proof_is_the_same_a_few_filters_at_a_time(monkeypatch, engine):
    selection = Selection(1, 1, 4, None, "input")
    whole = frame_of(engine, selection)["agreement"]
    monkeypatch.setattr(agreement_room, "_COMPARED_BYTES", 4 * 10 * 10 * 4)
    assert np.array_equal(frame_of(engine, selection)["agreement"]["difference"], whole["difference"])


def test_a_frame_leaves_out_kernels_that_the_page_has(engine):
    assert frame_of(engine, Selection(0, 0, 0, None, "input"), kernels_held=True)["kernels"] is None


def test_the_prediction_of_a_large_net_comes_after_its_pictures(monkeypatch):
    monkeypatch.setattr("filterscope.engine.map_store._CHEAP_MULTIPLICATIONS", 0)
    engine = Engine(seeded(TwoConvs), SampleSource([(image, 1) for image in images(3, 1, 14, 14)]))
    first = frame_of(engine, Selection(1, 0, 0, None, "input"))
    assert first["sample"]["prediction"] is None
    engine.complete(1)
    told = build_prediction(engine.revision, 1, engine.prediction(1))
    assert told["prediction"] == engine.prediction(1)
    assert (1, 1) in engine.map_store  # that pass served the other layer too
    assert frame_of(engine, Selection(1, 0, 0, None, "input"))["sample"]["prediction"] == told["prediction"]


@pytest.mark.parametrize("source", ["input", "image"])
def test_responses_too_many_for_memory_are_drawn_in_blocks(monkeypatch, engine, source):
    selection = Selection(1, 1, 3, None, source)
    monkeypatch.setattr(pictures, "FULL_PRECISION_BYTES", 100)
    whole = frame_of(engine, selection)
    for limit, value in {"RESPONSES_BYTES": 1, "_BLOCK_BYTES": 1, "_FILTERS_A_BLOCK": 4}.items():
        monkeypatch.setattr(f"filterscope.engine.responses.{limit}", value)
    engine._forget()
    assert [len(block) for block in engine.moment(1, 1).responses.in_blocks(None, source)] == [4, 2]
    drawn = frame_of(engine, selection)
    assert not engine.response_store  # none is kept
    assert np.array_equal(drawn["responses"]["tensor"], whole["responses"]["tensor"])
    assert drawn["responses"]["ranges"] == whole["responses"]["ranges"]
    assert np.array_equal(drawn["detail"]["response"], whole["detail"]["response"])
    if source == "input":
        assert np.array_equal(drawn["agreement"]["difference"], whole["agreement"]["difference"])


def test_another_filter_needs_nothing_of_what_the_filters_share(monkeypatch, engine):
    selection = Selection(1, 1, 3, None, "input")
    part = layer_part_of(engine, selection)
    expected = frame_of(engine, selection)
    monkeypatch.setattr(frame, "layer_picture", None)
    built = frame_of(engine, selection, layer_part=part)
    assert built["filter"] == 3
    for name in ("kernel", "response", "activation"):
        assert np.array_equal(built["detail"][name], expected["detail"][name])
    assert built["sample"]["prediction"] == expected["sample"]["prediction"]
    assert "prediction" not in part["sample"]  # it may come later than the part
