"""Linear maps that know their transpose, under every transformation of JAX."""

import dataclasses
import importlib
import pkgutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import geomnet as gn
from geomnet.filters._kernel_space import KernelSpace
from geomnet.nn import _execution
from geomnet.nn._execution._assembly import Coefficients, Matrices, dense_assembly
from geomnet.nn._execution._components import CopyToComponents, SumComponents
from geomnet.nn._execution._neighbours import Contract, Expand
from geomnet.nn._execution._primitives import LinearMap, apply
from geomnet.nn._execution._reduced import reduction

MATRIX = np.arange(6.0).reshape(2, 3)


@dataclasses.dataclass(frozen=True)
class Apply:
    """Two outputs from two inputs: `(A x, 2 y)`; of another transpose if told so."""

    factor: float = 1.0

    @property
    def T(self):
        return Transpose(self.factor)

    def shapes(self, x, y):
        return (*x[:-1], 2), y

    def __call__(self, x, y):
        return jnp.einsum("ij,...j->...i", jnp.asarray(MATRIX), x), 2 * y


@dataclasses.dataclass(frozen=True)
class Transpose:
    """Of `Apply`, or of something else where `factor` is not 1."""

    factor: float = 1.0

    @property
    def T(self):
        return Apply(self.factor)

    def shapes(self, x, y):
        return (*x[:-1], 3), y

    def __call__(self, x, y):
        x = jnp.einsum("ij,...i->...j", jnp.asarray(MATRIX), x)
        return self.factor * x, 2 * y


def mapped(x, y, factor=1.0):
    return apply(Apply(factor), x, y)


def plain(x, y):
    return Apply()(x, y)


SQUARE, CUBE = gn.hyperoctahedral(2), gn.hyperoctahedral(3)
FIELDS = {
    "plane": gn.Representation(SQUARE, "2x0+ a:1+ 2s+ 1- 0-"),
    "space": gn.Representation(CUBE, "0+ 2x1+ 1-"),
    "about an axis": gn.Representation(gn.cyclic(4) * gn.trivial(1), "1+ 0- 2a+"),
}


def instances():
    """Some of every map that there is, with the shapes of what they take."""
    for name, fields in FIELDS.items():
        grid = (4, 5, 3)[: fields.num_spatial_dims]
        features = (*grid, fields.num_features)
        window = (3,) * fields.num_spatial_dims
        space = KernelSpace(fields, fields, window)
        dense = Matrices((dense_assembly(space),))
        yield f"matrices {name}", dense, [(len(space.deviations),)]
        yield f"coefficients {name}", dense.T, dense.shapes((len(space.deviations),))
        tensors = SumComponents(fields)
        yield f"sums {name}", tensors, [features]
        yield f"copies {name}", tensors.T, tensors.shapes(features)
        if name != "about an axis":
            plan = reduction(space, 2 if name == "plane" else 1)
            for side in (plan.source, plan.target):
                yield f"expand {name} {side.reach}", Expand(side), [features]
                blocks = Expand(side).shapes(features)
                yield f"contract {name} {side.reach}", Contract(side), blocks
            blocks = Matrices(plan.matrices)
            yield f"blocks {name}", blocks, [(len(space.deviations),)]


INSTANCES = list(instances())


def numbers(rng, shapes):
    return [jnp.asarray(rng.standard_normal(shape)) for shape in shapes]


def defect(linear, shapes):
    """How far `<A x, y>` is from `<x, Aᵀ y>`, relative to the terms of the sums."""
    rng = np.random.default_rng(0)
    x, y = numbers(rng, shapes), numbers(rng, linear.shapes(*shapes))
    ax, aty = jax.jit(linear)(*x), jax.jit(linear.T)(*y)
    assert [a.shape for a in ax] == [tuple(s) for s in linear.shapes(*shapes)]
    left = sum(float(jnp.vdot(a, b)) for a, b in zip(ax, y, strict=True))
    right = sum(float(jnp.vdot(a, b)) for a, b in zip(x, aty, strict=True))
    size = sum(float(jnp.abs(a * b).sum()) for a, b in zip(ax, y, strict=True))
    return abs(left - right) / size


@pytest.mark.parametrize(
    ("linear", "shapes"), [pytest.param(*rest, id=name) for name, *rest in INSTANCES]
)
def test_the_transpose_is_the_transpose(linear, shapes, float64):
    assert isinstance(linear, LinearMap)
    assert linear == linear.T.T, "compiled programs are looked up by value"
    assert defect(linear, shapes) < 1e-13
    assert defect(linear.T, linear.shapes(*shapes)) < 1e-13


def test_a_wrong_transpose_is_seen(float64):
    assert defect(Apply(), [(4, 3), (4,)]) < 1e-13
    assert defect(Apply(2.0), [(4, 3), (4,)]) > 1e-3


def test_every_linear_map_of_the_storey_is_held_to_the_law():
    """A map that is added without an instance here fails."""
    modules = [
        importlib.import_module(f"{_execution.__name__}.{info.name}")
        for info in pkgutil.iter_modules(_execution.__path__)
    ]
    found = {
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type)
        and value.__module__.startswith(_execution.__name__)
        and isinstance(getattr(value, "T", None), property)
    } - {LinearMap}
    assert found == {type(linear) for _, linear, _ in INSTANCES}
    assert found == {
        Matrices,
        Coefficients,
        SumComponents,
        CopyToComponents,
        Expand,
        Contract,
    }


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
    wrong = lambda x, y: mapped(x, y, 2.0)  # noqa: E731
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
