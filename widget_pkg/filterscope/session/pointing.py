"""Pointing at a position of the selected filter's map: the explorer's methods for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from filterscope.engine.engine import Engine
from filterscope.filters.arithmetic import Arithmetic
from filterscope.receptive_field.fields import ReceptiveField, ReceptiveFields
from filterscope.session.positions import Map, Pointer
from filterscope.session.readings import Readings


class Pointing(Readings):
    """The methods of an explorer that tell of one position, `(row, column)` in the selected filter's pre-activation.

    Of a signal's map the row is 0. Of a volume's, `depth` is the slice, by default the middle one. All of them raise a
    `ValueError` that names what is possible for a position that the map does not have, and `SampleError` or `NetError`
    where the image cannot be read or the net refuses it; nothing is changed then.
    """

    _asked: Pointer | None = None

    @property
    def pointer(self) -> Pointer:
        """What answers for any position of any map."""
        self._open()
        return self._read(self._pointer)

    def _pointer(self, engine: Engine) -> Pointer:
        if self._asked is None:
            self._asked = Pointer(engine)
        return self._asked

    def _value_at(self, at: tuple[Any, Any, Any], answer: Callable[[Pointer, tuple[int, ...]], Any]) -> Any:
        """What is to be said of a value: with the weights of this moment."""

        def compute(engine: Engine) -> Any:
            pointer = self._pointer(engine)
            shape = tuple(engine.maps(self.image_index, self.layer_index).pre_activation.shape[1:])
            return answer(pointer, pointer.position(self.layer_index, shape, *at))

        return self._read(compute)

    def _fields(self, of: Map) -> tuple[Pointer, ReceptiveFields]:
        """What depends on the net's structure alone; changed weights are not looked for, so that it keeps up."""
        engine = self._open()
        with engine.lock:
            engine.check_structure()
            pointer = self._pointer(engine)
            fields = pointer.fields(self.image_index, self.layer_index, self.filter_index, of)
        self._announce()
        return pointer, fields

    def arithmetic(self, row: int, column: int, depth: int | None = None) -> Arithmetic:
        """How the value of a position comes about: patch × kernel, summed, the bias, the steps to the activation.

        Args:
            row: In the pre-activation's map.
            column: In the pre-activation's map.
            depth: Of a volume's map the slice; None for the middle one.

        Returns:
            Arrays `patch`, `kernel`, `products` `(C_in/groups, *k)`, `channel_sums` `(C_in/groups,)` and numbers
            `bias`, `pre_activation`, `activation`, all float32; `print` shows them as text. `difference` is how far the
            recomputed value is from the net's own.

        Example:
            >>> from filterscope import Explorer, demo
            >>> explorer = Explorer(demo.fashion_net(), demo.fashion_test_data(), layer_index=1)
            >>> explorer.arithmetic(4, 5).patch.shape
            (10, 3, 3)
            >>> explorer.arithmetic(4, 5).agrees
            True
        """
        return self._value_at(
            (row, column, depth),
            lambda p, at: p.arithmetic(self.image_index, self.layer_index, self.filter_index, at),
        )

    def receptive_field(self, row: int, column: int, depth: int | None = None) -> ReceptiveField:
        """Which part of the image a position sees.

        Args:
            row: In the pre-activation's map.
            column: In the pre-activation's map.
            depth: Of a volume's map the slice; None for the middle one.

        Returns:
            `inside`, the box of the image's pixels that real taps reach; `theoretical`, that of the unclipped formula,
            which may reach outside of the image; and `status`: `"exact"`, `"upper bound"` or `"whole image"`.

        Raises:
            ValueError: If nothing of the image reaches the map.

        Example:
            >>> from filterscope import Explorer, demo
            >>> explorer = Explorer(demo.fashion_net(), demo.fashion_test_data())
            >>> explorer.receptive_field(4, 5).inside
            Box(top=4, left=5, bottom=7, right=8, front=0, back=1)
        """
        pointer, fields = self._fields("pre_activation")
        return fields.at(pointer.position(self.layer_index, fields.shape, row, column, depth))

    def receptive_fields(self, of: Map = "pre_activation") -> ReceptiveFields:
        """The receptive fields of every position of the selected filter's map, as numbers for its rows and columns.

        Args:
            of: `"pre_activation"`, or `"activation"`, which a pool may have made smaller.

        Raises:
            ValueError: If nothing of the image reaches the map.
        """
        if of not in ("pre_activation", "activation"):
            raise ValueError(f"of is {of!r}; choose 'pre_activation' or 'activation'")
        return self._fields(of)[1]

    def effective_receptive_field(self, row: int, column: int, depth: int | None = None) -> np.ndarray:
        """How much each pixel of the image matters to a position: the size of its gradient.

        Args:
            row: In the pre-activation's map.
            column: In the pre-activation's map.
            depth: Of a volume's map the slice; None for the middle one.

        Returns:
            float32 `(H, W)`, `|∂ pre-activation / ∂ pixel|` summed over the image's channels.

        Raises:
            ValueError: If no gradient reaches the image.
        """
        return self._value_at(
            (row, column, depth), lambda p, at: p.effective(self.image_index, self.layer_index, self.filter_index, at)
        )
