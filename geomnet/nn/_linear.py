"""The pointwise linear map between signatures."""

from typing import Any

import jax
from jaxtyping import PRNGKeyArray

from .._arguments import checked
from .._group import Group
from .._image import GeometricImage
from .._signature import Signature
from ._bias import Bias, add_bias
from ._contract import AbstractEveryGridLayer, check_image
from ._execution import times
from ._kernel import AbstractFullKernelLayer, Kernel


class Linear(AbstractFullKernelLayer, AbstractEveryGridLayer):
    """Mixes channels in each cell: every linear map that commutes with the group.

    Under the full group of the square that joins channels of one type, and makes such
    maps between types as exist in a point: the trace of `2+` is a scalar.

    **Exactly equivariant** under `group` and all translations, on every grid.
    """

    kernel: Kernel
    bias: Bias | None

    @checked
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
        """**Arguments:**

        - `in_signature`, `out_signature`: what goes in and comes out.
        - `use_bias`: as of `Conv`.
        - `key`: draws the coefficients.
        - `dtype`: of the weights; by default JAX's own.

        **Raises:** `ValueError` if a type of the output can't be reached in a point
        from any type of the input.
        """
        self.kernel = Kernel(
            group, in_signature, out_signature, 1, key=key, dtype=dtype
        )
        self.bias = Bias(group, self.kernel.out_signature, dtype) if use_bias else None

    @jax.named_scope("geomnet.nn.Linear")
    def __call__(self, image: GeometricImage) -> GeometricImage:
        """**Raises:** `ValueError` if the signature of `image` is not
        `in_signature`.
        """
        check_image(image, self.kernel.space.source, "Linear")
        matrix = self.kernel.dense()
        array = times(
            image.array, matrix.reshape(matrix.shape[-2:]).astype(image.dtype)
        )
        array = add_bias(array, self.bias)
        return GeometricImage(self.out_signature, array, image.num_spatial_dims)
