"""A linear map with a transpose of its own, under every transformation of JAX."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from geomnet.nn._linear_map import linear_map

MATRIX = np.arange(6.0).reshape(2, 3)


@dataclasses.dataclass(frozen=True)
class Apply:
    """Two outputs from two inputs: `(A x, 2 y)`."""

    def shapes(self, x, y):
        return (*x[:-1], 2), y

    def __call__(self, x, y):
        return jnp.einsum("ij,...j->...i", jnp.asarray(MATRIX), x), 2 * y


@dataclasses.dataclass(frozen=True)
class Transpose:
    """Of `Apply`, or of something else where `factor` is not 1."""

    factor: float = 1.0

    def shapes(self, x, y):
        return (*x[:-1], 3), y

    def __call__(self, x, y):
        x = jnp.einsum("ij,...i->...j", jnp.asarray(MATRIX), x)
        return self.factor * x, 2 * y


def mapped(x, y, transpose=None):
    return linear_map(Apply(), transpose or Transpose(), x, y)


def plain(x, y):
    return Apply()(x, y)


def loss(f):
    return lambda x, y: sum(jnp.sum(part**3) for part in f(x, y))


@pytest.fixture
def arrays(float64):
    rng = np.random.default_rng(0)
    return jnp.asarray(rng.standard_normal((4, 3))), jnp.asarray(rng.standard_normal(4))


TRANSFORMED = {
    "value": lambda f: f,
    "jit": lambda f: jax.jit(f),
    "vmap": lambda f: jax.vmap(f),
    "vmap over one": lambda f: lambda x, y: jax.vmap(f, (None, 0))(x, y),
    "forward mode": lambda f: lambda x, y: jax.jvp(f, (x, y), (y[:, None] + x, y)),
    "reverse mode": lambda f: jax.grad(loss(f), argnums=(0, 1)),
    "gradient for each sample": lambda f: jax.vmap(jax.grad(loss(f))),
    "hessian": lambda f: jax.hessian(loss(f)),
    "checkpoint": lambda f: jax.grad(jax.checkpoint(loss(f))),
}


@pytest.mark.parametrize("name", TRANSFORMED)
def test_every_transformation_sees_the_linear_function(name, arrays):
    transform = TRANSFORMED[name]
    found, expected = (transform(f)(*arrays) for f in (mapped, plain))
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-12), found, expected
    )


def test_the_transpose_is_the_one_that_was_given(arrays):
    wrong = lambda x, y: mapped(x, y, Transpose(2.0))  # noqa: E731
    ours, right = (jax.grad(loss(f))(*arrays) for f in (wrong, plain))
    np.testing.assert_allclose(ours, 2 * right, rtol=1e-12)


def test_equal_maps_share_one_compiled_program(arrays):
    jax.clear_caches()
    count = []
    f = jax.jit(lambda x, y: count.append(None) or mapped(x, y))
    for _ in range(3):
        f(*arrays)
    assert len(count) == 1
    assert Apply() == Apply()
