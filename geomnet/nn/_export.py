"""A trained layer as one of Equinox, for use without this library."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from ._boundary import Boundary
from ._conv import Conv

_MODES: dict[Boundary, Any] = {
    Boundary.PERIODIC: "CIRCULAR",
    Boundary.ZERO: "ZEROS",
    Boundary.EDGE: "REPLICATE",
}


def export(conv: Conv) -> eqx.nn.Conv:
    """The same function as an `equinox.nn.Conv`, boundary included.

    Equinox keeps features first: an array `(*grid, features)` goes in as `(features,
    *grid)`. The features keep their order.

    **Raises:** `ValueError` if faces have different rules or are walls, which Equinox
    does not have: use `conv.kernel.dense()` and pad by hand.
    """
    faces = {face for pair in conv.faces for face in pair}
    if len(faces) != 1 or not faces <= set(_MODES):
        raise ValueError(
            f"`conv` has the boundary rules {sorted(f.name for f in faces)}; "
            "`equinox.nn.Conv` has one of PERIODIC, ZERO and EDGE for all faces. "
            "Export `conv.kernel.dense()` and pad by hand."
        )
    if any(cells < 0 for pair in conv.padding for cells in pair):
        raise ValueError(
            f"`conv` skips cells at the faces (stride {conv.stride}, window "
            f"{conv.kernel.window}), which `equinox.nn.Conv` can't: export "
            "`conv.kernel.dense()`."
        )
    kernel = conv.kernel.dense()
    bias = conv.bias.dense() if conv.bias is not None else None
    layer = eqx.nn.Conv(
        num_spatial_dims=kernel.ndim - 2,
        in_channels=kernel.shape[-2],
        out_channels=kernel.shape[-1],
        kernel_size=conv.kernel.window,
        stride=conv.stride,
        padding=conv.padding,
        dilation=conv.dilation,
        use_bias=bias is not None,
        padding_mode=_MODES[faces.pop()],
        dtype=kernel.dtype,
        key=jax.random.key(0),
    )
    weight = jnp.moveaxis(kernel, (-1, -2), (0, 1))
    layer = eqx.tree_at(lambda c: c.weight, layer, weight)
    if bias is not None:
        bias = bias.reshape(-1, *(1,) * (kernel.ndim - 2))
        layer = eqx.tree_at(lambda c: c.bias, layer, bias)
    return layer
