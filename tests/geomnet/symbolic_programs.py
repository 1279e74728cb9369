"""Exports with symbolic shapes, apart from pytest: its checks of types know no such.

    python symbolic_programs.py LAYER...

Prints a line for each layer of the table of laws: whether it takes a symbolic batch,
and a symbolic grid, or what it says instead.
"""

import sys

import jax
import jax.numpy as jnp
import numpy as np
from jax import export

import geomnet as gn
from tests.geomnet.nn.test_laws import LAYERS, SQUARE

KEY = jax.random.key(0)


def exported(f, *shape):
    return export.export(jax.jit(f))(jax.ShapeDtypeStruct(shape, jnp.float32))


def of_arrays(layer, d):
    signature = getattr(layer, "in_signature", None) or layer.signature

    def f(array):
        return layer(gn.GeometricImage(signature, array, d)).array

    return f, signature.features(d)


def outcome(f, *shape):
    try:
        exported(f, *shape)
    except TypeError as error:
        return str(error).splitlines()[0]
    return "taken"


def main(names):
    (batch,) = export.symbolic_shape("batch")
    for name in names:
        make, grid, _ = LAYERS[name]
        d = len(grid)
        f, features = of_arrays(make(KEY, jnp.float32), d)
        sides = export.symbolic_shape(", ".join(f"12*n{axis}" for axis in range(d)))
        print(name, outcome(jax.vmap(f), batch, *grid, features), sep="\t", end="\t")
        print(outcome(f, *sides, features))
    for net in (
        gn.UNet(SQUARE, "0+ 1+", "1+", hidden="4x0+ 4x1+", depth=1, key=KEY),
        gn.nn.Conv(SQUARE, "0+ 1+", "1+", key=KEY),
    ):
        f, features = of_arrays(net, 2)
        program = exported(jax.vmap(f), batch, 8, 8, features)
        read = export.deserialize(program.serialize())
        x = jax.random.normal(KEY, (5, 8, 8, features))
        wanted = jax.jit(jax.vmap(f))(x)
        np.testing.assert_allclose(read.call(x), wanted, atol=1e-5)
        sides = export.symbolic_shape("2*n, 2*m")
        print(type(net).__name__, "taken", outcome(f, *sides, features), sep="\t")


if __name__ == "__main__":
    main(sys.argv[1:])
