"""Laws that hold to the last bit or to rounding: conservation, symmetry, batches."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .. import initial
from ..solver._boundary import no_slip_wall, periodic, slip_wall
from ..solver._equations import CompressibleNavierStokes
from ..solver._forcing import UniformGravity
from ..solver._grid import Grid
from ..solver._simulation import simulate
from ..solver._state import Primitive
from ..solver._symmetry import Element, hyperoctahedral_elements, transform
from ._setup import many_steps, scheme_solver

VISCOUS: dict[str, Any] = {
    "shear_viscosity": 0.01,
    "bulk_viscosity": 0.02,
    "prandtl_number": 0.7,
}


def drift(scheme: str, dtype: str) -> float:
    """The largest relative change of mass, momentum and energy in 1000 steps."""
    with jax.enable_x64(dtype == "float64"):
        solver = scheme_solver(scheme, Grid((24, 24)), **VISCOUS)
        start = initial.random_fourier(solver, jax.random.key(1), mach=0.5)
        end = many_steps(solver, start, 1000)
        totals = [
            [np.sum(np.asarray(x, np.float64)) for x in jax.tree.leaves(state)]
            for state in (solver.gas.conserved(start), solver.gas.conserved(end))
        ]
        density = np.asarray(start.density, np.float64)
        squares = [np.asarray(u, np.float64) ** 2 for u in start.velocity]
        carried = np.sum(density * np.sqrt(np.sum(squares, axis=0)))
        pairs = zip(*totals, strict=True)
        return float(np.max([abs(b - a) / max(abs(a), carried) for a, b in pairs]))


# What surrounds the flow, and which elements of the group keep it.
SURROUNDINGS = ("periodic", "viscous", "slip walls", "no-slip walls", "gravity")


def surrounded(
    scheme: str, num_spatial_dims: int, n: int, surrounding: str
) -> tuple[CompressibleNavierStokes, list[Element]]:
    """A solver, and the signed permutations that its surroundings commute with."""
    d = num_spatial_dims
    parts: dict[str, Any] = dict(VISCOUS) if surrounding != "periodic" else {}
    elements = hyperoctahedral_elements(d)
    if surrounding == "slip walls":
        parts["boundary"] = [(slip_wall, slip_wall)] * d
    elif surrounding == "no-slip walls":
        parts["boundary"] = [(no_slip_wall, no_slip_wall)] * d
    elif surrounding == "gravity":
        parts["forcing"] = UniformGravity((*[0.0] * (d - 1), -1.0))
        sides, ends = (periodic, periodic), (slip_wall, slip_wall)
        parts["boundary"] = [*[sides] * (d - 1), ends]
        elements = [e for e in elements if e[0][-1] == d - 1 and not e[1][-1]]
    return scheme_solver(scheme, Grid((n,) * d), **parts), elements


def with_tracer(start: Primitive) -> Primitive:
    """The state with a tracer that is no function of the symmetric axes."""
    return Primitive(start.density, start.velocity, start.pressure, start.pressure**2)


def ulps(one: Any, other: Any) -> float:
    """The largest difference in units in the last place of the larger number."""
    worst = 0.0
    pairs = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    for a, b in pairs:
        a, b = np.asarray(a), np.asarray(b)
        unit = np.spacing(np.maximum(np.abs(a), np.abs(b)))
        # Not `max`, here and below, which may lose a NaN.
        worst = float(np.maximum(worst, np.max(np.abs(a - b) / unit)))
    return worst


def commutation(
    scheme: str,
    num_spatial_dims: int,
    n: int,
    dtype: str = "float32",
    surrounding: str = "viscous",
    num_steps: int = 100,
) -> float:
    """Ulps by which stepping and moving differ: all elements, one shift, a tracer.

    The shift is by different numbers of cells along each axis; only where the flow is
    periodic.
    """
    with jax.enable_x64(dtype == "float64"):
        solver, elements = surrounded(scheme, num_spatial_dims, n, surrounding)
        start = initial.random_fourier(solver, jax.random.key(2), mach=0.5)
        start = with_tracer(start)
        end = many_steps(solver, start, num_steps)
        worst = 0.0
        for element in elements:
            moved = many_steps(solver, transform(start, element), num_steps)
            worst = np.maximum(worst, ulps(moved, transform(end, element)))
        if surrounding in ("periodic", "viscous"):
            axes = tuple(range(num_spatial_dims))
            cells = (5, -3, 2)[:num_spatial_dims]

            def shift(x: jax.Array) -> jax.Array:
                return jnp.roll(x, cells, axes)

            moved = many_steps(solver, jax.tree.map(shift, start), num_steps)
            worst = np.maximum(worst, ulps(moved, jax.tree.map(shift, end)))
        return float(worst)


def batch_difference(scheme: str, number: int) -> float:
    """Ulps between trajectories simulated together and one by one."""
    solver = scheme_solver(scheme, Grid((16, 16)), 5 / 3, **VISCOUS)
    times = jnp.linspace(0, 0.05, 3)
    keys = jax.random.split(jax.random.key(5), number)
    starts = [initial.random_fourier(solver, key, mach=0.3) for key in keys]
    together = jax.vmap(lambda s: simulate(solver, s, times, throw=False))(
        jax.tree.map(lambda *x: jnp.stack(x), *starts)
    )
    differences = [
        ulps(
            jax.tree.map(lambda x, i=i: x[i], together.state),
            simulate(solver, start, times).state,
        )
        for i, start in enumerate(starts)
    ]
    return float(np.max(differences))
