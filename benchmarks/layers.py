"""One convolution: dense, symmetry-reduced, and plain ones of as many components.

    python benchmarks/layers.py [--dims 2 3] [--repeats 7] [--cpu]

For each shape the forward pass, and forward with both gradients, as a ratio to
`equinox.nn.Conv` with circular padding (channels first) and to one plain channels-last
`lax.conv_general_dilated`, and which execution the library chooses. By the clock, or
with `--cpu` in seconds of all cores, which is the steadier figure on a shared machine.
Results and what was concluded from them: benchmarks/README.md.
"""

import argparse
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from _measure import interleaved, machine, once

import geomnet as gn
from geomnet.nn import Boundary, as_faces
from geomnet.nn._execution import chosen_form, dense_kernel, extend
from geomnet.nn._execution._dense import correlate
from geomnet.nn._execution._reduced import convolve_reduced
from geomnet.nn._placement import SlidingWindow

# (channels of scalars and of vectors, cells along each axis, batch), by dimension
SHAPES = {
    2: [
        (8, 8, 4),
        (8, 16, 4),
        (8, 64, 4),
        (8, 128, 4),
        (16, 16, 4),
        (16, 64, 1),
        (16, 64, 4),
        (16, 128, 2),
        (32, 8, 4),
        (32, 32, 4),
        (32, 64, 4),
        (64, 16, 1),
        (64, 16, 4),
        (64, 32, 4),
        (128, 8, 4),
        (128, 16, 4),
        (256, 8, 4),
        (256, 64, 1),
    ],
    3: [(8, 16, 2), (8, 32, 1), (16, 16, 2), (32, 8, 2), (64, 8, 1)],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dims", type=int, nargs="+", default=[2, 3], choices=[2, 3])
    parser.add_argument("--only", type=int, nargs="+", help="rows of the table")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--cpu", action="store_true", help="seconds of all cores")
    args = parser.parse_args()
    print(machine())
    print(
        "                                 ms           ratio to equinox"
        "                compiled (s)\n"
        "fields      grid  batch   equinox  plain dense reduced"
        "  plain dense reduced  equinox dense reduced  chosen"
    )
    for d in args.dims:
        for n, shape in enumerate(SHAPES[d]):
            if args.only is None or n in args.only:
                measure(d, *shape, args.repeats, args.cpu)


def measure(d: int, channels: int, cells: int, batch: int, repeats: int, cpu: bool):
    """Prints two lines for one shape: forward, and forward with gradients."""
    group = gn.hyperoctahedral(d)
    signature = gn.Signature(f"{channels}x0+ {channels}x1+")
    kernel = gn.nn.Kernel(group, signature, signature, 3, key=jax.random.key(0))
    features = signature.features(d)
    x = jax.random.normal(jax.random.key(1), (batch, *(cells,) * d, features))
    free = jax.random.normal(jax.random.key(2), (*kernel.window, features, features))
    grid, faces = (cells,) * d, as_faces(Boundary.PERIODIC, d)
    placed = SlidingWindow(kernel.window, 1, 1, group).on(grid, "benchmark")
    layer = eqx.nn.Conv(
        d,
        features,
        features,
        3,
        padding="SAME",
        padding_mode="CIRCULAR",
        use_bias=False,
        key=jax.random.key(3),
    )

    def equinox(x: Any, weight: Any) -> Any:
        return eqx.tree_at(lambda conv: conv.weight, layer, weight)(x)

    def plain(x: Any, weights: Any) -> Any:
        return correlate(extend(x, kernel.space.source, faces, placed.padding), weights)

    def dense(x: Any, weights: Any) -> Any:
        return plain(x, dense_kernel(weights, kernel.space))

    def reduced(x: Any, weights: Any) -> Any:
        return convolve_reduced(x, weights, kernel.space, placed, faces)

    forward, both, compiled = {}, {}, {}
    for name, f, arguments in (
        ("equinox", equinox, (jnp.moveaxis(x, -1, 1), layer.weight)),
        ("plain", plain, (x, free)),
        ("dense", dense, (x, kernel.weights)),
        ("reduced", reduced, (x, kernel.weights)),
    ):
        forward[name], both[name] = _pair(f, *arguments)
        compiled[name] = once(both[name]).cpu
    form = chosen_form(kernel.space, placed, faces, grid, x.dtype)
    for what, functions in (("forward", forward), ("with gradients", both)):
        taken = interleaved(functions, repeats)
        ms = {name: 1e3 * (t.cpu if cpu else t.wall) for name, t in taken.items()}
        ratios = [ms[name] / ms["equinox"] for name in ("plain", "dense", "reduced")]
        print(
            f"{channels:3d} + {channels:3d} {cells:4d}^{d} {batch:4d}  "
            + " ".join(f"{ms[name]:7.1f}" for name in ms)
            + "  "
            + " ".join(f"{ratio:6.2f}" for ratio in ratios)
            + "    "
            + " ".join(f"{compiled[n]:5.1f}" for n in ("equinox", "dense", "reduced"))
            + f"  {form.name.lower()}, {what}",
            flush=True,
        )


def _pair(f: Callable, x: Any, weights: Any) -> tuple[Callable, Callable]:
    """The compiled forward pass, and it with both gradients."""
    batched = jax.vmap(f, in_axes=(0, None))

    def with_gradients(x: Any, weights: Any) -> Any:
        y, back = jax.vjp(batched, x, weights)
        return y, back(y)

    forward, both = jax.jit(batched), jax.jit(with_gradients)
    return lambda: forward(x, weights), lambda: both(x, weights)


if __name__ == "__main__":
    main()
