"""Frames of an engine as it is now."""

from filterscope.frames import frame


def frame_of(engine, selection, **options):
    return frame.build_frame(engine.moment(selection.image, selection.layer), selection, **options)


def filters_of(engine, selection, filters, ranges):
    return frame.build_filters(engine.moment(selection.image, selection.layer), selection, filters, ranges)


def layer_part_of(engine, selection):
    return frame.build_layer_part(engine.moment(selection.image, selection.layer), selection)
