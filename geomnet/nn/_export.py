"""A trained layer as one of Equinox, for use without this library."""

import contextlib
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from ._boundary import Boundary, extend
from ._channel_groups import from_groups, to_groups
from ._conv import Conv
from ._placement import Placement

_MODES: dict[Boundary, Any] = {
    Boundary.PERIODIC: "CIRCULAR",
    Boundary.ZERO: "ZEROS",
    Boundary.EDGE: "REPLICATE",
}


def export(conv: Conv) -> eqx.nn.Conv | eqx.nn.Sequential:
    """The same function in layers of Equinox, boundary included.

    Equinox keeps features first: an array `(*grid, features)` goes in as `(features,
    *grid)`. The features keep their order.

    **Returns:** one `equinox.nn.Conv` where that has the boundary rule, PERIODIC, ZERO
    or EDGE for all faces. Else, and with groups of channels, an
    `equinox.nn.Sequential`: what lies beyond the faces, then the `Conv`; of a strided
    one for grids that the stride divides, where there are such.
    """
    kernel, groups = conv.kernel.dense(), conv.kernel.channel_groups
    d = kernel.ndim - 2
    faces = {face for pair in conv.faces for face in pair}
    padding = [(p.low, p.high) for p in _usual_placement(conv)]
    is_plain = len(faces) == 1 and faces <= set(_MODES) and groups == 1
    is_plain = is_plain and all(cells >= 0 for pair in padding for cells in pair)
    bias = conv.bias.dense() if conv.bias is not None else None
    if bias is not None:
        bias = to_groups(bias, conv.out_signature, groups, d)
    layer = eqx.nn.Conv(
        num_spatial_dims=d,
        in_channels=kernel.shape[-2] * groups,
        out_channels=kernel.shape[-1],
        kernel_size=conv.kernel.window,
        stride=conv.stride,
        padding=padding if is_plain else 0,
        dilation=conv.dilation,
        groups=groups,
        use_bias=bias is not None,
        padding_mode=_MODES[faces.pop()] if is_plain else "ZEROS",
        dtype=kernel.dtype,
        key=jax.random.key(0),
    )
    weight = jnp.moveaxis(kernel, (-1, -2), (0, 1))
    layer = eqx.tree_at(lambda c: c.weight, layer, weight)
    if bias is not None:
        bias = bias.reshape(-1, *(1,) * d)
        layer = eqx.tree_at(lambda c: c.bias, layer, bias)
    if is_plain:
        return layer

    def before(array: jax.Array) -> jax.Array:
        array = jnp.moveaxis(array, 0, -1)
        array = extend(array, conv.in_signature, conv.faces, padding)
        return jnp.moveaxis(to_groups(array, conv.in_signature, groups, d), -1, 0)

    def after(array: jax.Array) -> jax.Array:
        array = jnp.moveaxis(array, 0, -1)
        return jnp.moveaxis(from_groups(array, conv.out_signature, groups, d), -1, 0)

    layers = [eqx.nn.Lambda(before), layer]
    return eqx.nn.Sequential(layers + [eqx.nn.Lambda(after)] * (groups > 1))


def _usual_placement(conv: Conv) -> tuple[Placement, ...]:
    """Where windows lie on a large grid; the padding is the same on every one."""
    d = conv.group.num_spatial_dims
    for offset in (0, 1):
        with contextlib.suppress(ValueError):
            return conv.placement((2 * conv.stride + offset,) * d)
    raise ValueError("`conv` takes no grid.")
