"""The table of pictures: each row is on the wire under its own names."""

import pytest

from filterscope.data.source import SampleSource
from filterscope.engine.engine import Engine
from filterscope.frames.pictures import NET_MAPS, PICTURES, LayerMaps
from filterscope.session.selection import Selection
from framing import frame_of
from nets import TwoConvs, images, seeded


def test_every_row_has_a_name_of_its_own_and_its_key_in_a_frame():
    names = [picture.name for picture in PICTURES]
    assert len(set(names)) == len(names)
    assert list(LayerMaps.__annotations__) == [picture.plural for picture in PICTURES]
    assert [picture.name for picture in PICTURES if picture not in NET_MAPS] == ["response"]


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_a_frame_has_each_row_for_the_layer_for_the_filter_and_in_words(picture):
    engine = Engine(seeded(TwoConvs), SampleSource(images(2, 1, 14, 14)))
    selection = Selection(1, 1, 4)
    moment, built = engine.moment(1, 1), frame_of(engine, selection)
    (maps,) = picture.blocks(moment, selection)
    assert (built[picture.plural]["tensor"] == maps).all()
    assert (built["detail"][picture.name] == maps[4]).all()
    assert built["notes"][picture.name] == picture.note(moment, selection, "")
