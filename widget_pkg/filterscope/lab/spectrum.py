"""Which frequencies a kernel lets pass, and which an image has."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_CELLS = 64  # of a spectrum's side: kernels are padded with zeros to so many
_POINTS = 257  # of a signal's, from 0 to half of the sampling rate
_FLOOR_DB = -120.0


@dataclass(frozen=True, eq=False)
class Spectrum:
    """How large a kernel's response to each frequency is.

    Attributes:
        gain: float32: of a picture's kernel `(64, 64)`, frequency 0 in cell `(32, 32)`, rows and columns from −1/2 to
            just below 1/2 cycles a pixel; of a signal's kernel `(257,)`, from 0 to half of the sampling rate. A gain of
            2 makes a wave twice as high.
        frequencies: float32: the columns' frequencies in cycles a pixel, or the signal's, in Hz where the sampling rate
            is known.
        unit: `"cycles a pixel"`, `"cycles a sample"` or `"Hz"`.
    """

    gain: np.ndarray
    frequencies: np.ndarray
    unit: str

    @property
    def decibels(self) -> np.ndarray:
        """`20 log10(gain)`, float32, no less than −120."""
        with np.errstate(divide="ignore"):
            decibels: np.ndarray = np.maximum(20 * np.log10(self.gain), _FLOOR_DB).astype(np.float32)
        return decibels


def frequency_response(kernel: np.ndarray, sampling_rate: float | None = None) -> Spectrum:
    """The size of a kernel's frequency response, `|Σ w(x) exp(−2πi f·x)|`.

    Of a cross-correlation and of a convolution with the same numbers the size is the same.

    Args:
        kernel: float `(kH, kW)`, or `(k,)` of a signal.
        sampling_rate: Of a signal, samples a second; None where it is not known.

    Raises:
        ValueError: If the sampling rate is not a number above 0.

    Example:
        >>> spectrum = frequency_response(np.float32([0.5, 0.5]), sampling_rate=100)
        >>> float(spectrum.gain[0]), round(float(spectrum.gain[-1]), 6), float(spectrum.frequencies[-1]), spectrum.unit
        (1.0, 0.0, 50.0, 'Hz')
    """
    values = np.asarray(kernel, np.float64)
    if values.ndim == 1:
        rate = _checked_rate(sampling_rate)
        count = max(2 * (_POINTS - 1), len(values))
        if len(values) > 2 * (_POINTS - 1):
            count = 2 ** int(np.ceil(np.log2(len(values))))
        gain = np.abs(np.fft.rfft(values, count))
        unit = "cycles a sample" if sampling_rate is None else "Hz"
        return Spectrum(gain.astype(np.float32), np.fft.rfftfreq(count, 1 / rate).astype(np.float32), unit)
    sides = [max(_CELLS, side + side % 2) for side in values.shape]
    gain = np.fft.fftshift(np.abs(np.fft.fft2(values, sides)))
    columns = np.fft.fftshift(np.fft.fftfreq(sides[1]))
    return Spectrum(gain.astype(np.float32), columns.astype(np.float32), "cycles a pixel")


def _checked_rate(rate: float | None) -> float:
    if rate is None:
        return 1.0
    if isinstance(rate, bool) or not isinstance(rate, int | float | np.number) or not 0 < float(rate) < np.inf:
        raise ValueError(f"sampling_rate is {rate!r}; give how many samples there are in a second, a number above 0")
    return float(rate)


def amplitudes(plane: np.ndarray) -> np.ndarray:
    """How much of each frequency a plane `(H, W)` has: `log10(1 + |F|)`, frequency 0 in the middle, float32 `(H, W)`.

    Values that are not finite count as 0.
    """
    values = np.nan_to_num(np.asarray(plane, np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    sizes: np.ndarray = np.log10(1 + np.abs(np.fft.fftshift(np.fft.fft2(values))))
    return sizes.astype(np.float32)
