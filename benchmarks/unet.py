"""The equivariant UNet against a plain one of `equinox.nn` at equal component count.

    python benchmarks/unet.py [--grid 64] [--batch 4] [--hidden "16x0+ 16x1+ 4x0-"]

The plain UNet has the same levels, blocks and sizes, of `equinox.nn.Conv2d` with
circular padding, `GroupNorm(1)` and silu. One train step is loss, gradient and an
AdamW update.

2 shared cores (AMD EPYC), Python 3.11.7, JAX 0.10.2, 2026-11-22, 64x64, batch 4,
seconds of all cores: train step 0.75 of equinox (wall 0.77), 1.04 of the twin; forward
0.95; traced and compiled in 22 s, equinox 11 s. More in benchmarks/README.md.
"""

import argparse
import itertools
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from _measure import interleaved, machine, once

import geomnet as gn


class PlainBlock(eqx.Module):
    """Convolution, layer norm, silu, channels first."""

    conv: eqx.nn.Conv2d
    norm: eqx.nn.GroupNorm

    def __init__(self, source: int, target: int, *, key: jax.Array):
        self.conv = eqx.nn.Conv2d(
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
    """The same UNet as `geomnet.UNet`, of plain layers."""

    lift: PlainBlock
    encoders: list[PlainBlock]
    downs: list[eqx.nn.Conv2d]
    bottom: PlainBlock
    ups: list[eqx.nn.ConvTranspose2d]
    decoders: list[tuple[PlainBlock, PlainBlock]]
    project: eqx.nn.Conv2d

    def __init__(
        self, source: int, target: int, width: int, depth: int, key: jax.Array
    ):
        keys = iter(jax.random.split(key, 5 * depth + 3))
        levels = [2**n * width for n in range(depth + 1)]
        pairs = list(itertools.pairwise(levels))
        self.lift = PlainBlock(source, width, key=next(keys))
        self.encoders = [PlainBlock(n, n, key=next(keys)) for n in levels[:-1]]
        self.downs = [
            eqx.nn.Conv2d(a, b, 2, stride=2, use_bias=False, key=next(keys))
            for a, b in pairs
        ]
        self.bottom = PlainBlock(levels[-1], levels[-1], key=next(keys))
        self.ups = [
            eqx.nn.ConvTranspose2d(b, a, 2, stride=2, use_bias=False, key=next(keys))
            for a, b in pairs[::-1]
        ]
        self.decoders = [
            (
                PlainBlock(2 * a, a, key=next(keys)),
                PlainBlock(a, a, key=next(keys)),
            )
            for a, _ in pairs[::-1]
        ]
        self.project = eqx.nn.Conv2d(
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--grid", type=int, default=64)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--depth", type=int, default=3)
    parser.add_argument("--hidden", default="16x0+ 16x1+ 4x0-")
    parser.add_argument("--repeats", type=int, default=7)
    args = parser.parse_args()

    flow = gn.Signature("density:0+ pressure:0+ velocity:1+")
    group, key = gn.hyperoctahedral(2), jax.random.key(0)
    history = 4 * flow
    net = gn.UNet(group, history, flow, hidden=args.hidden, depth=args.depth, key=key)
    twin = gn.twin(net)
    width = net.hidden.features(2)
    plain = PlainUNet(history.features(2), flow.features(2), width, args.depth, key)

    shape = (args.batch, args.grid, args.grid)
    x = jax.random.normal(key, (*shape, history.features(2)))
    y = jax.random.normal(key, (*shape, flow.features(2)))
    images = gn.GeometricImage(history, x), gn.GeometricImage(flow, y)
    channels_first = jnp.moveaxis(x, -1, 1), jnp.moveaxis(y, -1, 1)

    print(machine())
    print(
        f"hidden {args.hidden} ({width} components), depth {args.depth}, "
        f"{args.grid}x{args.grid}, batch {args.batch}"
    )
    forward, steps = {}, {}
    models = (("geomnet", net, images), ("twin", twin, images))
    for name, model, data in (*models, ("equinox", plain, channels_first)):
        forward[name] = _forward(model, data[0])
        steps[name] = _train_step(model, *data)
        seconds = once(steps[name])
        parameters = gn.models.count_parameters(model)
        print(
            f"  {name:8s} {parameters:9d} parameters, train step traced and compiled "
            f"in {seconds.wall:.1f} s (cpu {seconds.cpu:.1f})"
        )
    for what, functions in (("forward", forward), ("train step", steps)):
        seconds = interleaved(functions, args.repeats)
        times = ", ".join(f"{name} {taken}" for name, taken in seconds.items())
        print(f"  {what}: {times}")
        ours = seconds["geomnet"]
        for other in ("twin", "equinox"):
            wall, cpu = (a / b for a, b in zip(ours, seconds[other], strict=True))
            print(f"    geomnet / {other} = {wall:.2f} (cpu {cpu:.2f})")


def _forward(model: Any, x: Any) -> Any:
    run = eqx.filter_jit(lambda m, x: jax.vmap(m)(x))
    return lambda: run(model, x)


def _train_step(model: Any, x: Any, y: Any) -> Any:
    optimiser = optax.adamw(1e-3)
    arrays = eqx.filter(model, eqx.is_inexact_array)
    opt_state = optimiser.init(arrays)

    @eqx.filter_jit
    def step(model: Any, opt_state: Any) -> Any:
        def loss(model: Any) -> jax.Array:
            errors = jax.tree.map(jnp.subtract, jax.vmap(model)(x), y)
            return sum(jnp.mean(e**2) for e in jax.tree.leaves(errors))  # pyright: ignore

        gradient = eqx.filter_grad(loss)(model)
        updates, opt_state = optimiser.update(
            gradient, opt_state, eqx.filter(model, eqx.is_inexact_array)
        )
        return eqx.apply_updates(model, updates), opt_state

    return lambda: step(model, opt_state)


if __name__ == "__main__":
    main()
