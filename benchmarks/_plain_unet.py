"""The plain twin of `geomnet.UNet`, of `equinox.nn` layers: what users write today."""

import itertools
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax

import geomnet as gn

FLOW = {
    2: gn.Signature("density:0+ pressure:0+ velocity:1+"),
    3: gn.Signature("density:0+ pressure:0+ velocity:1+"),
}


class PlainBlock(eqx.Module):
    """Convolution, layer norm, silu, channels first."""

    conv: eqx.nn.Conv
    norm: eqx.nn.GroupNorm

    def __init__(self, d: int, source: int, target: int, *, key: jax.Array):
        self.conv = eqx.nn.Conv(
            d,
            source,
            target,
            3,
            padding="SAME",
            padding_mode="CIRCULAR",
            use_bias=False,
            key=key,
        )
        self.norm = eqx.nn.GroupNorm(1, target)

    def __call__(self, x: jax.Array) -> jax.Array:
        return jax.nn.silu(self.norm(self.conv(x)))


class PlainUNet(eqx.Module):
    """The same levels, blocks and sizes as `geomnet.UNet`, of plain layers."""

    lift: PlainBlock
    encoders: list[PlainBlock]
    downs: list[eqx.nn.Conv]
    bottom: PlainBlock
    ups: list[eqx.nn.ConvTranspose]
    decoders: list[tuple[PlainBlock, PlainBlock]]
    project: eqx.nn.Conv

    def __init__(
        self, d: int, source: int, target: int, width: int, depth: int, key: jax.Array
    ):
        keys = iter(jax.random.split(key, 5 * depth + 3))
        levels = [2**n * width for n in range(depth + 1)]
        pairs = list(itertools.pairwise(levels))
        self.lift = PlainBlock(d, source, width, key=next(keys))
        self.encoders = [PlainBlock(d, n, n, key=next(keys)) for n in levels[:-1]]
        self.downs = [
            eqx.nn.Conv(d, a, b, 2, stride=2, use_bias=False, key=next(keys))
            for a, b in pairs
        ]
        self.bottom = PlainBlock(d, levels[-1], levels[-1], key=next(keys))
        self.ups = [
            eqx.nn.ConvTranspose(d, b, a, 2, stride=2, use_bias=False, key=next(keys))
            for a, b in pairs[::-1]
        ]
        self.decoders = [
            (
                PlainBlock(d, 2 * a, a, key=next(keys)),
                PlainBlock(d, a, a, key=next(keys)),
            )
            for a, _ in pairs[::-1]
        ]
        self.project = eqx.nn.Conv(
            d,
            width,
            target,
            3,
            padding="SAME",
            padding_mode="CIRCULAR",
            key=next(keys),
        )

    def __call__(self, x: jax.Array) -> jax.Array:
        x = self.lift(x)
        skipped = []
        for encoder, down in zip(self.encoders, self.downs, strict=True):
            x = encoder(x)
            skipped.append(x)
            x = down(x)
        x = self.bottom(x)
        for up, (first, second) in zip(self.ups, self.decoders, strict=True):
            x = second(first(jnp.concatenate([up(x), skipped.pop()])))
        return self.project(x)


def contestants(
    d: int, hidden: str, depth: int, grid: int, batch: int
) -> dict[str, tuple[Any, Any, Any]]:
    """`{name: (model, inputs, targets)}`: ours, its twin, and the one of Equinox."""
    flow, group, key = FLOW[d], gn.hyperoctahedral(d), jax.random.key(0)
    history = 4 * flow
    net = gn.UNet(group, history, flow, hidden=hidden, depth=depth, key=key)
    width = net.hidden.features(d)
    plain = PlainUNet(d, history.features(d), flow.features(d), width, depth, key)
    shape = (batch, *(grid,) * d)
    x = jax.random.normal(key, (*shape, history.features(d)))
    y = jax.random.normal(key, (*shape, flow.features(d)))
    images = gn.GeometricImage(history, x, d), gn.GeometricImage(flow, y, d)
    channels_first = jnp.moveaxis(x, -1, 1), jnp.moveaxis(y, -1, 1)
    return {
        "geomnet": (net, *images),
        "twin": (gn.twin(net), *images),
        "equinox": (plain, *channels_first),
    }


def forward(model: Any, x: Any) -> Any:
    """A compiled forward pass of a batch."""
    run = eqx.filter_jit(lambda m, x: jax.vmap(m)(x))
    return lambda: run(model, x)


def train_step(
    model: Any, x: Any, y: Any, wrapped: Callable[[Any], Any] = lambda loss: loss
) -> Any:
    """A compiled loss, gradient and AdamW update, and what it is compiled from.

    **Arguments:** `wrapped`: makes another loss of the loss `(model, batch) -> number`,
    such as `geomnet.training.mixed_precision`.
    """
    optimiser = optax.adamw(1e-3)
    arrays, rest = eqx.partition(model, eqx.is_inexact_array)
    state = optimiser.init(arrays)

    @wrapped
    def loss(model: Any, batch: Any) -> jax.Array:
        x, y = batch
        errors = jax.tree.map(jnp.subtract, jax.vmap(model)(x), y)
        return sum(jnp.mean(e**2) for e in jax.tree.leaves(errors))  # pyright: ignore

    @jax.jit
    def step(arrays: Any, state: Any, x: Any, y: Any) -> Any:
        def value(arrays: Any) -> jax.Array:
            return loss(eqx.combine(arrays, rest), (x, y))

        gradient = jax.grad(value)(arrays)
        updates, new = optimiser.update(gradient, state, arrays)
        return eqx.apply_updates(arrays, updates), new

    return step, (arrays, state, x, y)
