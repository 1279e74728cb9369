"""The two forms of a scheme: each value once, or everything anew at each face."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pde_data
from pde_data.solver import _boundary, _materialisation
from pde_data.solver._symmetry import hyperoctahedral_elements, transform


def solver_of(scheme, shape, **arguments):
    return pde_data.CompressibleNavierStokes(
        shape, 5 / 3, 0.01, 0.02, **pde_data.SCHEMES[scheme], **arguments
    )


def rough_start(shape, dtype):
    """With jumps, so that limiters and weights have something to do."""
    random = np.random.default_rng(3)
    density, pressure, *velocity = (
        jnp.asarray(random.uniform(0.5, 2, shape), dtype) for _ in range(2 + len(shape))
    )
    return pde_data.Primitive(density, tuple(u - 1 for u in velocity), pressure)


def rate_of(solver):
    """A function of its own, so that nothing compiled before is found again."""

    def rate(start):
        time = jnp.zeros((), start.density.dtype)
        return solver.rate(solver.gas.conserved(start), time)

    return jax.jit(rate)


@pytest.fixture
def accelerator(monkeypatch):
    """As if there were one."""

    def use():
        monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
        assert _materialisation.in_one_function()

    return use


@pytest.mark.parametrize("shape", [(11,), (6, 9), (5, 4, 6)])
@pytest.mark.parametrize("width", [1, 3])
def test_ghost_cells_looked_up_are_those_put_together(shape, width, accelerator):
    start = rough_start(shape, "float32")
    around = (pde_data.periodic, pde_data.periodic)
    faces = (around,) * len(shape)
    walls = (*faces[1:], (pde_data.slip_wall, pde_data.slip_wall))
    joined = [_boundary.with_ghosts(start, width, b) for b in (faces, walls)]
    accelerator()
    found = [_boundary.with_ghosts(start, width, b) for b in (faces, walls)]
    jax.tree.map(np.testing.assert_array_equal, found, joined)


@pytest.mark.parametrize(
    ("scheme", "dtype"),
    [
        (pde_data.MUSCL(), "float32"),
        (pde_data.WENO5Z(), "float64"),
        (pde_data.AWENO5Z(), "float32"),
    ],
)
def test_face_values_are_the_same_bits(scheme, dtype, accelerator):
    values = rough_start((5, 12), dtype).density
    shared = scheme(values, 1)
    accelerator()
    alone = scheme(values, 1)
    jax.tree.map(np.testing.assert_array_equal, alone, shared)


@pytest.mark.parametrize(
    "scheme",
    [
        "muscl",
        *(pytest.param(s, marks=pytest.mark.slow) for s in ("weno5z", "aweno5z")),
    ],
)
def test_rates_agree_and_commute_in_either_form(scheme, accelerator):
    solver = solver_of(scheme, (9, 9))
    start = rough_start((9, 9), "float32")
    shared = rate_of(solver)(start)
    accelerator()
    rate = rate_of(solver)
    alone = rate(start)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=2e-5 * float(abs(b).max())),
        alone,
        shared,
    )
    for element in hyperoctahedral_elements(2):
        there = rate(transform(start, element))
        moved = transform(
            pde_data.Primitive(alone.density, alone.momentum, alone.energy), element
        )
        there = pde_data.Primitive(there.density, there.momentum, there.energy)
        jax.tree.map(np.testing.assert_array_equal, there, moved)
