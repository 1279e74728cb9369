"""Several devices: a batch or a grid shared out gives what one device gives."""

import subprocess
import sys

import pytest

SCRIPT = """
import equinox as eqx, jax, jax.numpy as jnp, numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec as P
import geomnet as gn

net = gn.UNet(gn.hyperoctahedral(2), "0+ 1+", "0+ 1+", hidden="4x0+ 4x1+", depth=1,
              key=jax.random.key(0))
arrays, rest = eqx.partition(net, eqx.is_array)
rng = np.random.default_rng(0)
x = rng.standard_normal((4, 96, 96, 3)).astype(np.float32)

def loss(arrays, x):
    def run(array):
        return eqx.combine(arrays, rest)(gn.GeometricImage("0+ 1+", array)).array
    return jnp.mean(jax.vmap(run)(x) ** 2)

gradient = jax.jit(jax.grad(loss))
mesh = jax.make_mesh((4,), ("devices",), axis_types=(AxisType.Auto,))
square = jax.make_mesh((2, 2), ("a", "b"), axis_types=(AxisType.Auto,) * 2)

def manual(arrays, x):
    # Gradients for what all devices share are summed by JAX.
    return jax.tree.map(lambda g: g / 4, jax.grad(loss)(arrays, x))

specs = dict(in_specs=(P(), P("devices")), out_specs=P())
by_sample, by_row = (
    jax.device_put(x, NamedSharding(mesh, spec))
    for spec in (P("devices"), P(None, "devices"))
)
both, plane = (
    jax.device_put(x, NamedSharding(square, spec))
    for spec in (P("a", "b"), P(None, "a", "b"))
)
found = {
    "batch and rows": gradient(arrays, both),
    "rows and columns": gradient(arrays, plane),
    "batch": gradient(arrays, by_sample),
    "grid": gradient(arrays, by_row),
    "shard_map": jax.jit(jax.shard_map(manual, mesh=mesh, **specs))(arrays, x),
}
for name, gradients in found.items():
    for a, b in zip(map(np.asarray, jax.tree.leaves(gradients)),
                    map(np.asarray, jax.tree.leaves(gradient(arrays, x)))):
        assert np.abs(a - b).max() <= 1e-4 * np.abs(b).max() + 1e-7, name
print("equal")
"""


# What works on each cell or knows its neighbours alone.
LOCAL = """
import equinox as eqx, jax, jax.numpy as jnp, numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec as P
import geomnet as gn

fields, key = "2x0+ 2x1+", jax.random.key(0)
pair = dict(group=gn.hyperoctahedral(2), in_signature=fields, out_signature=fields)
same = dict(group=gn.hyperoctahedral(2), signature=fields)
layers = {
    "Conv": gn.nn.Conv(**pair, key=key),
    "walls": gn.nn.Conv(**pair, boundary=gn.nn.Boundary.SLIP, key=key),
    "Linear": gn.nn.Linear(**pair, key=key),
    "Down": gn.nn.Down(**pair, key=key),
    "Up": gn.nn.Up(**pair, key=key),
    "Gate": gn.nn.Gate(**same, key=key),
    "LayerNorm": gn.nn.LayerNorm(**same),
}
"""


LAYERS = (
    LOCAL
    + """
layers |= {
    "SpectralConv": gn.nn.SpectralConv(**pair, modes=1, key=key),
    "TensorProduct": gn.nn.TensorProduct(**pair, key=key),
    "NormActivation": gn.nn.NormActivation(**same),
    "VectorNeuron": gn.nn.VectorNeuron(**same, key=key),
}
# What users get who write nothing else: axes with explicit sharding.
mesh = jax.make_mesh((2,), ("devices",))
x = np.random.default_rng(0).standard_normal((2, 80, 80, 6)).astype(np.float32)
arrays, rest = eqx.partition(layers, eqx.is_array)

def losses(arrays, x):
    made = eqx.combine(arrays, rest)
    def run(layer):
        one = lambda array: layer(gn.GeometricImage(fields, array)).array
        return jnp.mean(jax.vmap(one)(x) ** 2)
    return {name: run(layer) for name, layer in made.items()}

gradient = jax.jit(jax.grad(lambda *given: sum(losses(*given).values()), (0, 1)))
expected = gradient(arrays, x)
found = gradient(
    jax.device_put(arrays, NamedSharding(mesh, P())),
    jax.device_put(x, NamedSharding(mesh, P("devices"))),
)
for a, b in zip(map(np.asarray, jax.tree.leaves(found)),
                map(np.asarray, jax.tree.leaves(expected)), strict=True):
    assert np.abs(a - b).max() <= 1e-4 * np.abs(b).max() + 1e-7
# With automatic axes the primitives stay, which know better transposes.
auto = jax.make_mesh((2,), ("devices",), axis_types=(jax.sharding.AxisType.Auto,))
laid_out = jax.device_put(x, NamedSharding(auto, P("devices")))
program = str(jax.jit(losses).trace(arrays, laid_out).jaxpr)
assert "geomnet_linear_map" in program and "geomnet_times" in program
print("equal")
"""
)


SHARED_GRID = (
    LOCAL
    + """
mesh = jax.make_mesh((4,), ("x",), axis_types=(AxisType.Auto,))
x = np.random.default_rng(0).standard_normal((2, 16, 16, 6)).astype(np.float32)
gathering = []
for name, layer in layers.items():
    arrays, rest = eqx.partition(layer, eqx.is_array)
    def one(array, arrays):
        return eqx.combine(arrays, rest)(gn.GeometricImage(fields, array)).array
    def loss(arrays, x):
        y = jax.vmap(one, (0, None))(x, arrays)
        return jnp.mean(y ** 2), y
    run = jax.jit(jax.value_and_grad(loss, (0, 1), has_aux=True))
    given = jax.device_put(arrays, NamedSharding(mesh, P())), jax.device_put(
        x, NamedSharding(mesh, P(None, "x")))
    program = run.lower(*given).compile()
    for a, b in zip(map(np.asarray, jax.tree.leaves(program(*given))),
                    map(np.asarray, jax.tree.leaves(run(arrays, x))), strict=True):
        assert np.abs(a - b).max() <= 1e-5 * np.abs(b).max() + 1e-7, name
    gathering += [name] * (" all-gather(" in program.as_text())
print(gathering)
"""
)


def test_every_layer_exchanges_the_edges_of_a_shared_grid_and_gathers_no_field():
    flags = "--xla_force_host_platform_device_count=4"
    flags += " --xla_backend_optimization_level=0"
    run = subprocess.run(
        [sys.executable, "-c", SHARED_GRID],
        capture_output=True,
        text=True,
        env={"XLA_FLAGS": flags, "PATH": ""},
        check=False,
    )
    assert run.stdout.strip() == "[]", run.stdout + run.stderr


@pytest.mark.slow
def test_every_layer_has_gradients_on_a_mesh_of_jax_s_default():
    run = subprocess.run(
        [sys.executable, "-c", LAYERS],
        capture_output=True,
        text=True,
        env={"XLA_FLAGS": "--xla_force_host_platform_device_count=2", "PATH": ""},
        check=False,
    )
    assert run.stdout.strip() == "equal", run.stderr


@pytest.mark.slow
def test_gradients_do_not_depend_on_the_number_of_devices():
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        capture_output=True,
        text=True,
        env={"XLA_FLAGS": "--xla_force_host_platform_device_count=4", "PATH": ""},
        check=False,
    )
    assert run.stdout.strip() == "equal", run.stderr
