"""The baseline that every forecast has to beat: nothing changes."""

import equinox as eqx

from .._arguments import checked
from .._group import Group, hyperoctahedral
from .._history import latest_frame
from .._image import GeometricImage
from .._signature import Signature
from ..nn import AbstractEveryGridLayer
from ._contract import AbstractMap


class Persistence(AbstractMap, AbstractEveryGridLayer):
    """Predicts the newest frame of the history. Nothing is learned.

    **Exactly equivariant** under the full group of the grid and all translations, on
    every grid.
    """

    in_signature: Signature = eqx.field(static=True)
    out_signature: Signature = eqx.field(static=True)
    group: Group = eqx.field(static=True)

    @checked
    def __init__(
        self,
        in_signature: "Signature | str",
        out_signature: "Signature | str",
        num_spatial_dims: int = 2,
    ):
        """**Arguments:**

        - `in_signature`: a history, `n * out_signature`.
        - `out_signature`: that of one frame.
        - `num_spatial_dims`: the axes of the grid, 1 to 3.

        **Raises:** `ValueError` if the signatures or the dimensions have no meaning.
        """
        self.in_signature = Signature(in_signature)
        self.out_signature = Signature(out_signature)
        self.group = hyperoctahedral(num_spatial_dims)

    @property
    def num_spatial_dims(self) -> int:
        """The dimension d of the grid."""
        return self.group.num_spatial_dims

    def __call__(self, history: GeometricImage) -> GeometricImage:
        """The newest frame of `history`.

        **Raises:** `ValueError` if the history does not hold frames of the output.
        """
        return latest_frame(history, self.out_signature)
