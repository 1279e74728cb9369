"""A trained layer as one of Equinox, for use without this library."""

import contextlib
import itertools
from collections.abc import Callable
from typing import Any, TypeAlias, get_args

import equinox as eqx
import jax
import jax.numpy as jnp

from ._boundary import Boundary
from ._conv import Conv
from ._conv_transpose import ConvTranspose
from ._execution import extend, from_groups, to_groups
from ._linear import Linear
from ._placement import FACTOR
from ._resample import Down, Up

_MODES: dict[Boundary, Any] = {
    Boundary.PERIODIC: "CIRCULAR",
    Boundary.ZERO: "ZEROS",
    Boundary.EDGE: "REPLICATE",
}


Exportable: TypeAlias = Conv | ConvTranspose | Linear | Down | Up


def export(
    layer: Exportable,
) -> eqx.nn.Conv | eqx.nn.ConvTranspose | eqx.nn.Sequential:
    """The function of a `layer` in layers of Equinox, boundary included.

    Equinox keeps features first: an array `(*grid, features)` goes in as `(features,
    *grid)`. The features keep their order. A network is exported layer by layer: the
    layers between its convolutions act on features as they stand.

    **Returns:** one `equinox.nn.Conv` where that has the boundary rule, PERIODIC, ZERO
    or EDGE for all faces, and one padding for every grid that the layer takes; one
    `equinox.nn.ConvTranspose` for `Up`. Else, and for groups of channels and
    transposes, an `equinox.nn.Sequential`: what lies beyond the faces, then the `Conv`.

    **Raises:** `TypeError` for anything but a layer around one kernel.
    """
    if isinstance(layer, Conv):
        return _convolution(layer)
    if isinstance(layer, ConvTranspose):
        spread = eqx.nn.Lambda(lambda x: _last(layer.dilated, x))
        return eqx.nn.Sequential([spread, _plain(layer)])
    if isinstance(layer, Linear):
        return _plain(layer)
    if isinstance(layer, Down):
        return _plain(layer, stride=FACTOR)
    if isinstance(layer, Up):
        return _doubling(layer)
    raise TypeError(
        f"`layer` must be one of {', '.join(t.__name__ for t in get_args(Exportable))},"
        f" got {type(layer).__name__}. Export the layers of a network one by one, such "
        "as `geomnet.nn.export(net.project)`."
    )


def _convolution(layer: Conv) -> eqx.nn.Conv | eqx.nn.Sequential:
    space, groups = layer.kernel.space, layer.kernel.channel_groups
    faces = {face for pair in layer.faces for face in pair}
    padding = _only_padding(layer)
    known = len(faces) == 1 and faces <= set(_MODES) and groups == 1
    if known and padding is not None and min(map(min, padding)) >= 0:
        mode = _MODES[faces.pop()]
        return _plain(layer, stride=layer.stride, padding=padding, mode=mode)

    def before(array: jax.Array) -> jax.Array:
        cells = layer.placement(array.shape[:-1]).padding
        array = extend(array, space.source, layer.faces, cells)
        return to_groups(array, space.source, groups)

    def after(array: jax.Array) -> jax.Array:
        return from_groups(array, space.target, groups)

    layers: list[Any] = [
        eqx.nn.Lambda(lambda x: _last(before, x)),
        _plain(layer, stride=layer.stride),
    ]
    if groups > 1:
        layers.append(eqx.nn.Lambda(lambda x: _last(after, x)))
    return eqx.nn.Sequential(layers)


def _doubling(layer: Up) -> eqx.nn.ConvTranspose:
    kernel, d = layer.kernel.dense(), layer.group.num_spatial_dims
    conv = eqx.nn.ConvTranspose(
        num_spatial_dims=d,
        in_channels=kernel.shape[-2],
        out_channels=kernel.shape[-1],
        kernel_size=FACTOR,
        stride=FACTOR,
        use_bias=False,
        dtype=kernel.dtype,
        key=jax.random.key(0),
    )
    # What Equinox slides over the cells with zeros between is turned round.
    weight = jnp.moveaxis(jnp.flip(kernel, range(d)), (-1, -2), (0, 1))
    return eqx.tree_at(lambda c: c.weight, conv, weight)


def _plain(
    layer: Conv | ConvTranspose | Linear | Down,
    *,
    stride: int = 1,
    padding: Any = 0,
    mode: Any = "ZEROS",
) -> eqx.nn.Conv:
    """The convolution alone, with features in the order of its groups."""
    kernel, groups = layer.kernel.dense(), layer.kernel.channel_groups
    d = layer.group.num_spatial_dims
    own = None if isinstance(layer, Down) else layer.bias
    bias = None if own is None else own.dense()
    conv = eqx.nn.Conv(
        num_spatial_dims=d,
        in_channels=kernel.shape[-2] * groups,
        out_channels=kernel.shape[-1],
        kernel_size=layer.kernel.window,
        stride=stride,
        padding=padding,
        dilation=getattr(layer, "dilation", 1),
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


def _only_padding(conv: Conv) -> tuple[tuple[int, int], ...] | None:
    """The padding on every grid, or `None` where it depends on the grid.

    It depends on the grid only through the sides modulo the stride: 0 or 1.
    """
    found = set()
    for offsets in itertools.product((0, 1), repeat=conv.group.num_spatial_dims):
        with contextlib.suppress(ValueError):
            grid = tuple(2 * conv.stride + offset for offset in offsets)
            found.add(conv.placement(grid).padding)
    return found.pop() if len(found) == 1 else None
