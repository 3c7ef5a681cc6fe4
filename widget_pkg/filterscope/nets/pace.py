"""When passes begin, and how many images go in one."""

from __future__ import annotations


class Pace:
    """When passes begin and how large they are: here at once, and as large as fits. A subclass may wait for people."""

    def before_pass(self) -> None:
        """Called before each pass; may wait, and may raise to end the work."""

    def images_at_once(self, fitting: int) -> int:
        """How many images go in one pass, where `fitting` images fit into memory."""
        return fitting

    def after_pass(self, images: int, seconds: float) -> None:
        """Called after each pass with its number of images and the seconds of processor time that it took."""
