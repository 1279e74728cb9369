"""One Fourier layer and one FNO block against plain ones of as many components.

    python benchmarks/spectral.py [--repeats 7] [--only 0 1]

"Plain" has a free complex matrix for each wave vector of half the window, by
`jnp.fft.rfftn` and `irfftn`, channels first as FNO is published (Li et al. 2021): its
block is that, plus a product of the channels in each cell, the norm over channels and
grid, and silu. "twin" is ours under the trivial group.

Seconds by the clock as a ratio to plain, medians of 9 interleaved runs, forward /
forward with both gradients. 2 x86-64 cores, idle otherwise, Python 3.11.7, JAX 0.10.2,
Equinox 0.13.8, float32:

    fields           modes  grid batch  layer      its twin   block      its twin
    16x0+ 16x1+ 4x0-    12   64²     4  0.77/0.59  0.83/0.88  0.93/0.68  0.63/0.57
    8x0+ 8x1+           12   64²     4  0.87/0.75  1.03/0.98  1.06/0.83  0.74/0.69
    32x0+ 32x1+         12   64²     8  0.42/0.52  0.48/0.68  0.62/0.47  0.41/0.38
    16x0+ 16x1+         16  128²     4  0.56/0.50  0.57/0.60  0.67/0.55  0.35/0.33
    8x0+ 8x1+            6   32³     2  0.51/0.45  0.58/0.59  0.59/0.40  0.33/0.26
    8x0+ 8x1+            8   32³     1  0.28/0.26  0.46/0.47  0.44/0.32  0.40/0.34

A block's forward pass is slower than the twin's for its gate (silu there), and in one
case than plain. Compiling forward and gradients: layer 0.5-0.8 s (plain 0.4-0.8, twin
1.3-3.1), block 1.0-1.4 s (plain 0.8-1.4).

Tried and not kept, first case, forward with gradients: any group by even and odd part
of the kernel at half the wave vectors, 31-33 ms where the whole window takes 22. The
order in which axes are transformed makes no difference (12-14 ms each).
"""

import argparse
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from _measure import interleaved, machine, once

import geomnet as gn

# (fields, modes, cells along each axis, batch), by dimension
SHAPES = [
    (2, "16x0+ 16x1+ 4x0-", 12, 64, 4),
    (2, "8x0+ 8x1+", 12, 64, 4),
    (2, "32x0+ 32x1+", 12, 64, 8),
    (2, "16x0+ 16x1+", 16, 128, 4),
    (3, "8x0+ 8x1+", 6, 32, 2),
    (3, "8x0+ 8x1+", 8, 32, 1),
]


class PlainSpectral(eqx.Module):
    """Li et al. (2021): a free complex matrix for each of half the wave vectors."""

    real: jax.Array
    imaginary: jax.Array
    modes: int = eqx.field(static=True)

    def __init__(self, d: int, channels: int, modes: int, key: jax.Array):
        shape = (2, channels, channels, *(2 * modes + 1,) * (d - 1), modes + 1)
        scale = (2 * channels) ** -0.5
        self.real, self.imaginary = scale * jax.random.normal(key, shape)
        self.modes = modes

    def __call__(self, x: jax.Array) -> jax.Array:
        m, d, grid = self.modes, x.ndim - 1, x.shape[1:]
        axes = tuple(range(1, d + 1))
        kept = jnp.fft.rfftn(x, axes=axes, norm="forward")[..., : m + 1]
        for axis in axes[:-1]:
            low = jax.lax.slice_in_dim(kept, 0, m + 1, axis=axis)
            high = jax.lax.slice_in_dim(kept, grid[axis - 1] - m, None, axis=axis)
            kept = jnp.concatenate([low, high], axis=axis)
        matrices = jax.lax.complex(self.real, self.imaginary)
        letters = "xyz"[:d]
        kept = jnp.einsum(f"i{letters},oi{letters}->o{letters}", kept, matrices)
        for axis in axes[:-1]:
            low = jax.lax.slice_in_dim(kept, 0, m + 1, axis=axis)
            high = jax.lax.slice_in_dim(kept, m + 1, None, axis=axis)
            gap = list(kept.shape)
            gap[axis] = grid[axis - 1] - 2 * m - 1
            kept = jnp.concatenate([low, jnp.zeros(gap, kept.dtype), high], axis=axis)
        padding = [(0, 0)] * d + [(0, grid[-1] // 2 - m)]
        return jnp.fft.irfftn(jnp.pad(kept, padding), s=grid, axes=axes, norm="forward")


class PlainBlock(eqx.Module):
    """Spectral layer and product of channels, norm over all, silu."""

    spectral: PlainSpectral
    local: eqx.nn.Conv
    norm: eqx.nn.GroupNorm

    def __init__(self, d: int, channels: int, modes: int, key: jax.Array):
        self.spectral = PlainSpectral(d, channels, modes, key)
        self.local = eqx.nn.Conv(d, channels, channels, 1, use_bias=False, key=key)
        self.norm = eqx.nn.GroupNorm(1, channels)

    def __call__(self, x: jax.Array) -> jax.Array:
        return jax.nn.silu(self.norm(self.spectral(x) + self.local(x)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", type=int, nargs="+", help="rows of the table")
    parser.add_argument("--repeats", type=int, default=7)
    args = parser.parse_args()
    print(machine())
    for n, shape in enumerate(SHAPES):
        if args.only is None or n in args.only:
            measure(*shape, args.repeats)


def measure(d: int, fields: str, modes: int, cells: int, batch: int, repeats: int):
    """Prints the layer's and the block's figures for one shape."""
    group, key = gn.hyperoctahedral(d), jax.random.key(0)
    signature = gn.Signature(fields)
    features = signature.features(d)
    free = gn.Signature(f"{features}x0+")
    x = jax.random.normal(key, (batch, *(cells,) * d, features))
    images = gn.GeometricImage(signature, x)
    scalars = gn.GeometricImage(free, x, num_spatial_dims=d)
    channels_first = jnp.moveaxis(x, -1, 1)
    print(
        f"{fields} ({features} components), modes {modes}, {cells}^{d}, batch {batch}"
    )
    conv, block = gn.nn.SpectralConv, gn.models.FourierBlock
    report(
        "layer",
        {
            "geomnet": (conv(group, signature, signature, modes, key=key), images),
            "twin": (conv(gn.trivial(d), free, free, modes, key=key), scalars),
            "plain": (PlainSpectral(d, features, modes, key), channels_first),
        },
        repeats,
    )
    report(
        "block",
        {
            "geomnet": (block(group, signature, modes, key=key), images),
            "twin": (block(gn.trivial(d), free, modes, key=key), scalars),
            "plain": (PlainBlock(d, features, modes, key), channels_first),
        },
        repeats,
    )


def report(what: str, models: dict[str, tuple[Any, Any]], repeats: int) -> None:
    """Prints forward, and forward with gradients, as a ratio to plain."""
    forward, both = {}, {}
    for name, (model, x) in models.items():
        forward[name], both[name] = _pair(model, x)
        compiled = once(both[name]).cpu
        print(
            f"  {what}, {name}: {gn.models.count_parameters(model)} parameters, "
            f"compiled in {compiled:.1f} s"
        )
    for kind, functions in (("forward", forward), ("with gradients", both)):
        taken = interleaved(functions, repeats)
        line = ", ".join(f"{name} {t}" for name, t in taken.items())
        ratios = ", ".join(
            f"{name} {taken[name].cpu / taken['plain'].cpu:.2f}"
            for name in taken
            if name != "plain"
        )
        print(f"  {what}, {kind}: {line}; of plain: {ratios}", flush=True)


def _pair(model: Any, x: Any) -> tuple[Callable, Callable]:
    """The compiled forward pass, and it with both gradients."""

    @eqx.filter_jit
    def forward(model: Any, x: Any) -> Any:
        return jax.vmap(model)(x)

    @eqx.filter_jit
    def both(model: Any, x: Any) -> Any:
        arrays, static = eqx.partition(model, eqx.is_inexact_array)
        y, back = jax.vjp(lambda a, x: jax.vmap(eqx.combine(a, static))(x), arrays, x)
        return y, back(y)

    return lambda: forward(model, x), lambda: both(model, x)


if __name__ == "__main__":
    main()
