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
mesh = jax.make_mesh((2,), ("devices",), axis_types=(AxisType.Auto,))

def manual(arrays, x):
    # Gradients for what all devices share are summed by JAX.
    return jax.tree.map(lambda g: g / 2, jax.grad(loss)(arrays, x))

specs = dict(in_specs=(P(), P("devices")), out_specs=P())
by_sample, by_row = (
    jax.device_put(x, NamedSharding(mesh, spec))
    for spec in (P("devices"), P(None, "devices"))
)
found = {
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


@pytest.mark.slow
def test_gradients_do_not_depend_on_the_number_of_devices():
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        capture_output=True,
        text=True,
        env={"XLA_FLAGS": "--xla_force_host_platform_device_count=2", "PATH": ""},
        check=False,
    )
    assert run.stdout.strip() == "equal", run.stderr
