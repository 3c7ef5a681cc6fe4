"""Frames of an engine as it is now."""

from filterscope.frames import frame


def _moment(engine, selection):
    return engine.moment(selection.image, selection.layer)


def frame_of(engine, selection, **options):
    return frame.build_frame(_moment(engine, selection), selection, **options)


def filters_of(engine, selection, filters, ranges):
    return frame.build_filters(_moment(engine, selection), selection, filters, ranges)


def layer_part_of(engine, selection):
    return frame.build_layer_part(_moment(engine, selection), selection)
