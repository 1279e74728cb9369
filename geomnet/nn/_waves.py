"""Images by their waves: what spectral layers multiply and hand to each other."""

from typing import Any

import equinox as eqx
from jaxtyping import Array, Float

from .._arithmetic import accumulator
from .._image import GeometricImage
from .._signature import Signature
from ._execution import analyse, restrict, synthesise


class Waves(eqx.Module):
    """The Fourier coefficients of an image on wave numbers up to `modes`.

    Layers that follow each other on waves transform once and not each for itself, and
    a field of few waves needs no fine grid for what is done to it in each cell.
    """

    array: Float[Array, "*waves features"]
    signature: Signature = eqx.field(static=True)

    @property
    def modes(self) -> tuple[int, ...]:
        """The largest wave number along each axis."""
        return tuple(length // 2 - 1 for length in self.array.shape[:-1])

    def on(self, grid: tuple[int, ...], dtype: Any) -> GeometricImage:
        """The image with these waves, on a grid that resolves them."""
        array = synthesise(self.array, grid).astype(dtype)
        return GeometricImage(self.signature, array, len(grid))

    def up_to(self, modes: tuple[int, ...]) -> "Waves":
        """Without the waves beyond `modes`."""
        return Waves(restrict(self.array, modes), self.signature)

    def __add__(self, other: "Waves") -> "Waves":
        return Waves(self.array + other.array, self.signature)


def waves_of(image: GeometricImage, modes: tuple[int, ...]) -> Waves:
    """Of an image on a grid that resolves them; bfloat16 and float16 in float32."""
    array = image.array.astype(accumulator(image.dtype))
    return Waves(analyse(array, modes), image.signature)
