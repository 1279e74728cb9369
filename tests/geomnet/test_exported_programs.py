"""Programs of `jax.export`: written, read where geomnet is not, and run."""

import os
import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export

import geomnet as gn

from ..pages import ROOT, run_python
from .nn.test_laws import LAYERS

pytest.importorskip("flatbuffers")  # What `jax.export` writes with.

SQUARE = gn.hyperoctahedral(2)
FLOW = gn.Signature("density:0+ velocity:1+")
LIBRARIES = os.pathsep.join([str(ROOT), *filter(None, sys.path)])
FEW = ("conv, slip", "linear", "down")

CALL = """
import sys
import numpy as np
from jax import export
for name in sys.argv[1:]:
    with open(f"{name}.program", "rb") as file:
        program = export.deserialize(bytearray(file.read()))
    np.save(f"{name}.result", program.call(np.load(f"{name}.npy")))
assert "geomnet" not in sys.modules and "equinox" not in sys.modules
"""


def unet(key):
    return gn.UNet(SQUARE, FLOW, FLOW, hidden="4x0+ 4x1+", depth=1, key=key)


def of_arrays(net, signature=FLOW):
    return lambda array: net(gn.GeometricImage(signature, array, 2)).array


def exported(f, *arguments):
    return export.export(jax.jit(f))(*arguments)


def shapes(*shape):
    return jax.ShapeDtypeStruct(shape, jnp.float32)


@pytest.mark.slow
def test_programs_run_where_geomnet_is_not(key, tmp_path):
    net = unet(key)
    functions = {
        "unet": of_arrays(net),
        "gradient": jax.grad(lambda array: jnp.square(of_arrays(net)(array)).sum()),
    }
    wanted = {}
    for name, f in functions.items():
        x = jax.random.normal(key, (32, 32, 3))
        program = exported(f, shapes(*x.shape))
        (tmp_path / f"{name}.program").write_bytes(program.serialize())
        np.save(tmp_path / f"{name}.npy", x)
        wanted[name] = np.asarray(jax.jit(f)(x))
    run_python("-c", CALL, *wanted, cwd=tmp_path, PYTHONPATH=LIBRARIES)
    for name, result in wanted.items():
        got = np.load(tmp_path / f"{name}.result.npy")
        assert np.abs(result).max() > 0.1
        np.testing.assert_allclose(got, result, rtol=1e-5, atol=1e-5)


def test_images_are_arguments_and_results(key):
    net = unet(key)
    x = gn.random_image(FLOW, (8, 8), key=key)

    def f(images) -> dict[str, gn.GeometricImage]:
        return {"next": net(images[0]), "scaled": 2 * images[1]}

    other = gn.random_image("3x0+ 1x2s+ 0-", (5,), key=key)
    again = export.deserialize(exported(f, (x, other)).serialize())
    result: Any = again.call((x, other))
    wanted = f((x, other))
    assert jax.tree.structure(result) == jax.tree.structure(wanted)
    for name, image in wanted.items():
        assert result[name].signature == image.signature
        np.testing.assert_allclose(result[name].array, image.array, atol=1e-4)
    with pytest.raises(ValueError, match="pytree structure"):
        again.call((x, gn.random_image("3x0+ 1x2s+ 0+", (5,), key=key)))


@pytest.mark.parametrize(
    "names", [FEW, pytest.param(tuple(LAYERS), marks=pytest.mark.slow)], ids=len
)
def test_symbolic_batches_are_taken_and_symbolic_grids_or_a_word(names, tmp_path):
    script = Path(__file__).with_name("symbolic_programs.py")
    printed = run_python(str(script), *names, cwd=tmp_path, PYTHONPATH=LIBRARIES)
    outcomes = [line.split("\t") for line in printed.splitlines()]
    assert [name for name, *_ in outcomes] == [*names, "UNet", "Conv"]
    for name, batch, grid in outcomes:
        assert batch == "taken", name
        # What knows nothing of neighbours takes any grid.
        takes = grid == "taken"
        assert takes or "Export one program for each grid" in grid, (name, grid)
        assert not takes or name not in ("UNet", "Conv", "conv, slip", "down")
        assert takes or name not in ("linear", "gate", "norm")
