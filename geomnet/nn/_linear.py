"""The pointwise linear map between signatures."""

from typing import Any

import jax
from jaxtyping import PRNGKeyArray

from .._group import Group
from .._image import GeometricImage
from .._signature import Signature
from ._contract import AbstractEveryGridLayer
from ._conv import add_bias, check_image
from ._kernel import AbstractKernelLayer, Bias, Kernel
from ._matmul import times


class Linear(AbstractKernelLayer, AbstractEveryGridLayer):
    """Mixes channels in each cell: every linear map that commutes with the group.

    Under the full group of the square that joins channels of one type, and makes such
    maps between types as exist in a point: the trace of `2+` is a scalar.

    **Exactly equivariant** under `group` and all translations, on every grid.
    """

    kernel: Kernel
    bias: Bias | None

    def __init__(
        self,
        group: Group,
        in_signature: "Signature | str",
        out_signature: "Signature | str",
        *,
        use_bias: bool = True,
        key: PRNGKeyArray,
        dtype: Any = None,
    ):
        """**Raises:** `ValueError` if a type of the output can't be reached in a point
        from any type of the input.
        """
        self.kernel = Kernel(
            group, in_signature, out_signature, 1, key=key, dtype=dtype
        )
        self.bias = Bias(group, self.kernel.out_signature, dtype) if use_bias else None

    @property
    def group(self) -> Group:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The group that the layer commutes with."""
        return self.kernel.group

    @jax.named_scope("geomnet.nn.Linear")
    def __call__(self, image: GeometricImage) -> GeometricImage:
        """**Raises:** `ValueError` if the signature of `image` is not
        `in_signature`.
        """
        check_image(image, self.group, self.in_signature, "Linear")
        matrix = self.kernel.dense()
        array = times(
            image.array, matrix.reshape(matrix.shape[-2:]).astype(image.dtype)
        )
        array = add_bias(array, self.bias)
        return GeometricImage(self.out_signature, array, image.num_spatial_dims)
