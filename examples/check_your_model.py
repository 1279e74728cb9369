"""Is your network equivariant? A plain CNN is checked, and mended step by step.

    python examples/check_your_model.py

The task: from density and velocity on a periodic grid to the next velocity and a
vorticity. A rotated flow should give a rotated answer. Takes a minute or two.
"""

import textwrap
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

import geomnet as gn
from geomnet.testing import assert_equivariant, certify, equivariance_errors

GRID = (8, 12)
GROUP = gn.hyperoctahedral(2)
FLOW = gn.Signature("density:0+ velocity:1+")
ANSWER = gn.Signature("velocity:1+ vorticity:0-")
HIDDEN = gn.Signature("4x0+ 4x1+ 2x0-")


class PlainCNN(eqx.Module):
    """What everybody writes first: channels first, zero padding, ReLU."""

    layers: list

    def __init__(self, key: jax.Array):
        first, second = jax.random.split(key)
        self.layers = [
            eqx.nn.Conv2d(3, 14, 3, padding="SAME", key=first),
            eqx.nn.Lambda(jax.nn.relu),
            eqx.nn.Conv2d(14, 3, 3, padding="SAME", key=second),
        ]

    def __call__(self, x: jax.Array) -> jax.Array:
        for layer in self.layers:
            x = layer(x)
        return x


class Pointwise(eqx.Module):
    """The CNN's ReLU, component by component."""

    def __call__(self, image: gn.GeometricImage) -> gn.GeometricImage:
        return image.with_array(jax.nn.relu(image.array))


class ScaleAndShift(eqx.Module):
    """A learned factor and offset for every component, as in batch norm."""

    scale: jax.Array
    offset: jax.Array

    def __init__(self, features: int):
        self.scale, self.offset = jnp.ones(features), jnp.zeros(features)

    def __call__(self, image: gn.GeometricImage) -> gn.GeometricImage:
        scale, offset = self.scale[None, None], self.offset[None, None]
        return image.with_array(scale * image.array + offset)


class Network(eqx.Module):
    """Images through a list of layers."""

    layers: list
    group: gn.Group = eqx.field(static=True, default=GROUP)
    in_signature: gn.Signature = eqx.field(static=True, default=FLOW)

    def __call__(self, image: gn.GeometricImage) -> gn.GeometricImage:
        for layer in self.layers:
            image = layer(image)
        return image


def network(nonlinearity: Any, norm: Any, key: jax.Array) -> Network:
    """Two convolutions from geomnet around a nonlinearity and a norm."""
    first, second = jax.random.split(key)
    return Network(
        [
            gn.nn.Conv(GROUP, FLOW, HIDDEN, key=first),
            norm,
            nonlinearity,
            gn.nn.Conv(GROUP, HIDDEN, ANSWER, key=second),
        ]
    )


def verdict(model: Any, x: Any, **arguments: Any) -> str:
    """What `assert_equivariant` says."""
    try:
        assert_equivariant(model, x, GROUP, shift=1, **arguments)
    except AssertionError as failure:
        return textwrap.fill(f"FAILS: {failure}", 88, subsequent_indent="   ")
    return "passes: every rotation, reflection and shift"


def main() -> bool:
    """Returns whether the last network passed every check."""
    key = jax.random.key(0)
    image = gn.random_image(FLOW, GRID, key=key)
    channels_first = jnp.moveaxis(image.array, -1, 0)
    arrays = {
        "in_signature": FLOW,
        "out_signature": ANSWER,
        "feature_axis": 0,
    }

    print(
        "1. A plain Equinox CNN. It can be checked as it is: say what its arrays hold."
    )
    plain = PlainCNN(key)
    print(verdict(plain, channels_first, **arrays))
    errors = equivariance_errors(plain, channels_first, GROUP, **arrays)
    each = " ".join(f"{e.relative:.1f}" for e in errors)
    print(f"Relative error of each element, the identity first: {each}")

    print("\n2. Convolutions from geomnet, whose kernels turn with the flow. But ReLU:")
    relu = network(Pointwise(), ScaleAndShift(HIDDEN.features(2)), key)
    print(verdict(relu, image))

    print(
        "\n3. ReLU cuts single components of vectors. A gate scales each by its norm:"
    )
    gated = network(
        gn.nn.Gate(GROUP, HIDDEN, key=key), ScaleAndShift(HIDDEN.features(2)), key
    )
    print(verdict(gated, image))

    print("\n4. It passes until it is trained: offsets are zero at the start. Certify:")
    print(certify(gated, GRID, dtypes=()))

    print("\n5. LayerNorm: one factor for each vector, and no offset but for scalars:")
    mended = network(
        gn.nn.Gate(GROUP, HIDDEN, key=key), gn.nn.LayerNorm(GROUP, HIDDEN), key
    )
    report = certify(mended, GRID)
    print(report)
    return report.passed


if __name__ == "__main__":
    main()
