"""A trained layer as one of Equinox, for use without this library."""

import contextlib
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from ._boundary import Boundary
from ._conv import Conv
from ._conv_transpose import ConvTranspose
from ._execution import extend, from_groups, to_groups
from ._placement import PlacedWindow

_MODES: dict[Boundary, Any] = {
    Boundary.PERIODIC: "CIRCULAR",
    Boundary.ZERO: "ZEROS",
    Boundary.EDGE: "REPLICATE",
}


def export(layer: Conv | ConvTranspose) -> eqx.nn.Conv | eqx.nn.Sequential:
    """The same function in layers of Equinox, boundary included.

    Equinox keeps features first: an array `(*grid, features)` goes in as `(features,
    *grid)`. The features keep their order.

    **Returns:** one `equinox.nn.Conv` where that has the boundary rule, PERIODIC, ZERO
    or EDGE for all faces. Else, and for groups of channels and transposes, an
    `equinox.nn.Sequential`: what lies beyond the faces, then the `Conv`. One `Conv`
    pads every grid alike: with a stride it is for grids that the stride divides, where
    there are such. The `Sequential` is the same function on every grid.
    """
    if isinstance(layer, ConvTranspose):
        spread = eqx.nn.Lambda(lambda x: _last(layer.dilated, x))
        return eqx.nn.Sequential([spread, _plain(layer, 1, 0, "ZEROS")])
    space, groups = layer.kernel.space, layer.kernel.channel_groups
    faces = {face for pair in layer.faces for face in pair}
    padding = _usual_placement(layer).padding
    known = len(faces) == 1 and faces <= set(_MODES) and groups == 1
    if known and all(cells >= 0 for pair in padding for cells in pair):
        return _plain(layer, layer.stride, padding, _MODES[faces.pop()])

    def before(array: jax.Array) -> jax.Array:
        cells = layer.placement(array.shape[:-1]).padding
        array = extend(array, space.source, layer.faces, cells)
        return to_groups(array, space.source, groups)

    def after(array: jax.Array) -> jax.Array:
        return from_groups(array, space.target, groups)

    layers: list[Any] = [
        eqx.nn.Lambda(lambda x: _last(before, x)),
        _plain(layer, layer.stride, 0, "ZEROS"),
    ]
    if groups > 1:
        layers.append(eqx.nn.Lambda(lambda x: _last(after, x)))
    return eqx.nn.Sequential(layers)


def _plain(
    layer: Conv | ConvTranspose, stride: int, padding: Any, mode: Any
) -> eqx.nn.Conv:
    """The convolution alone, with features in the order of its groups."""
    kernel, groups = layer.kernel.dense(), layer.kernel.channel_groups
    d = layer.group.num_spatial_dims
    bias = layer.bias.dense() if layer.bias is not None else None
    conv = eqx.nn.Conv(
        num_spatial_dims=d,
        in_channels=kernel.shape[-2] * groups,
        out_channels=kernel.shape[-1],
        kernel_size=layer.kernel.window,
        stride=stride,
        padding=padding,
        dilation=layer.dilation,
        groups=groups,
        use_bias=bias is not None,
        padding_mode=mode,
        dtype=kernel.dtype,
        key=jax.random.key(0),
    )
    weight = jnp.moveaxis(kernel, (-1, -2), (0, 1))
    conv = eqx.tree_at(lambda c: c.weight, conv, weight)
    if bias is None:
        return conv
    bias = to_groups(bias, layer.kernel.space.target, groups).reshape(-1, *(1,) * d)
    return eqx.tree_at(lambda c: c.bias, conv, bias)


def _last(f: Callable[[jax.Array], jax.Array], array: jax.Array) -> jax.Array:
    """What a function of `(*grid, features)` makes of `(features, *grid)`."""
    return jnp.moveaxis(f(jnp.moveaxis(array, 0, -1)), -1, 0)


def _usual_placement(conv: Conv) -> PlacedWindow:
    """Where windows lie on a large grid; the padding is the same on every one."""
    d = conv.group.num_spatial_dims
    for offset in (0, 1):
        with contextlib.suppress(ValueError):
            return conv.placement((2 * conv.stride + offset,) * d)
    raise ValueError("`conv` takes no grid.")
