"""How many images go in a step: few where they take long, many where they do not."""

import pytest

from filterscope.nets.step_size import StepSize


@pytest.mark.parametrize(("per_image", "first"), [(1e-5, 1), (1e-3, 8), (4e-3, 64), (0.5, 32)])
def test_steps_come_to_last_as_long_as_they_should(per_image, first):
    """Each image takes as long: from any start the size settles where a step takes a quarter to all of its time."""
    size = StepSize(seconds=0.03, longest=0.03, first=first, most=64)
    for _ in range(20):
        size.took(size.images, size.images * per_image)
    settled = size.images
    size.took(settled, settled * per_image)
    assert size.images == settled
    assert settled == 1 or settled * per_image <= 0.03
    assert settled == 64 or 2 * settled * per_image >= 0.03


def test_a_step_of_fewer_images_is_no_reason_for_more():
    size = StepSize(seconds=0.03, longest=0.06, first=8, most=64)
    size.took(3, 0.001)
    assert size.images == 8
    size.took(8, 0.05)  # longer than it should be, shorter than it may be
    assert size.images == 8
    size.took(3, 0.07)
    assert size.images == 4
