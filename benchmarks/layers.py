"""One convolution: dense, symmetry-reduced, and a plain one of as many components.

    python benchmarks/layers.py [--dims 2 3] [--repeats 7]

For each shape: forward, and the gradients for input and weights, in milliseconds of all
cores together (on a shared machine steadier than the clock), and seconds to compile.
Results and what was concluded from them: benchmarks/README.md.
"""

import argparse
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
from _measure import interleaved, machine, once

import geomnet as gn
from geomnet.nn._boundary import Boundary, as_faces, extend
from geomnet.nn._lowering import centred_padding, convolve
from geomnet.nn._reduced import convolve_reduced

# (fields, cells along each axis), by dimension
SHAPES = {
    2: [
        ("8x0+ 8x1+", 128),
        ("16x0+ 16x1+", 64),
        ("32x0+ 32x1+", 32),
        ("64x0+ 64x1+", 16),
        ("128x0+ 128x1+", 8),
    ],
    3: [("8x0+ 8x1+", 16), ("16x0+ 16x1+", 16), ("32x0+ 32x1+", 8)],
}
BATCH = {2: 4, 3: 2}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dims", type=int, nargs="+", default=[2, 3], choices=[2, 3])
    parser.add_argument("--repeats", type=int, default=7)
    args = parser.parse_args()
    print(machine())
    for d in args.dims:
        for fields, cells in SHAPES[d]:
            measure(d, fields, cells, args.repeats)


def measure(d: int, fields: str, cells: int, repeats: int) -> None:
    """Prints one line for each execution of one shape."""
    group, signature = gn.hyperoctahedral(d), gn.Signature(fields)
    kernel = gn.nn.Kernel(group, signature, signature, 3, key=jax.random.key(0))
    features = signature.features(d)
    shape = (BATCH[d], *(cells,) * d, features)
    x = jax.random.normal(jax.random.key(1), shape)
    free = jax.random.normal(jax.random.key(2), (*kernel.window, features, features))
    padding = [centred_padding(3, 1, 1)] * d
    faces = as_faces(Boundary.PERIODIC, d)

    def plain(x: Any, weights: Any) -> Any:
        return convolve(extend(x, signature, faces, padding), weights)

    def dense(x: Any, weights: Any) -> Any:
        return plain(x, eqx.tree_at(lambda k: k.weights, kernel, weights).dense())

    def reduced(x: Any, weights: Any) -> Any:
        return convolve_reduced(
            x, weights, group, signature, signature, kernel.window, 1
        )

    print(f"{fields} ({features} components) on {cells}^{d}, batch {BATCH[d]}")
    forward, backward = {}, {}
    for name, f, weights in (
        ("plain", plain, free),
        ("dense", dense, kernel.weights),
        ("reduced", reduced, kernel.weights),
    ):
        forward[name], backward[name] = _pair(f, x, weights)
        seconds = [once(run[name]).cpu for run in (forward, backward)]
        print(f"    {name:8s} compiled in {seconds[0]:.1f} + {seconds[1]:.1f} s")
    for what, functions in (("forward", forward), ("gradients", backward)):
        taken = interleaved(functions, repeats)
        cpu = {name: 1e3 * seconds.cpu for name, seconds in taken.items()}
        print(
            f"  {what:9s} plain {cpu['plain']:6.1f}, dense {cpu['dense']:6.1f}, "
            f"reduced {cpu['reduced']:6.1f} ms; reduced / plain = "
            f"{cpu['reduced'] / cpu['plain']:.2f}"
        )


def _pair(f: Callable, x: Any, weights: Any) -> tuple[Callable, Callable]:
    """The compiled forward pass, and both gradients alone."""
    batched = jax.vmap(f, in_axes=(0, None))
    forward = jax.jit(batched)
    gradients = jax.jit(lambda x, w: jax.vjp(batched, x, w)[1](x))
    return lambda: forward(x, weights), lambda: gradients(x, weights)


if __name__ == "__main__":
    main()
