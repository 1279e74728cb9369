"""The solver against a scheme of another kind, written from first principles here."""

import importlib.util
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

import pde_data

GAMMA, TIME = 5 / 3, 0.2
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def peer():
    """The comparison with PyClaw, for its flow and its runs."""
    path = ROOT / "benchmarks" / "cross_code.py"
    spec = importlib.util.spec_from_file_location("cross_code", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def flux(state, axis):
    density, mx, my, energy = state
    velocity = (mx / density, my / density)
    pressure = (GAMMA - 1) * (energy - 0.5 * (mx**2 + my**2) / density)
    result = velocity[axis] * np.stack([density, mx, my, energy + pressure])
    result[1 + axis] += pressure
    return result


def lax_wendroff(fields, n):
    """Richtmyer's two steps on a staggered grid: no Riemann solver, no limiter.

    **Reference:** Richtmyer and Morton (1967), Difference Methods, Sec. 13.4.
    """
    x = (np.arange(n) + 0.5) / n
    density, u, v, p = fields(*np.meshgrid(x, x, indexing="ij"))
    energy = p / (GAMMA - 1) + 0.5 * density * (u**2 + v**2)
    state = np.stack([density, density * u, density * v, energy])
    num_steps = int(np.ceil(TIME * n * 6))
    ratio = TIME / num_steps * n

    def corner(values, shift):
        """Sums over the two cells beside each face, along the other axes."""
        return 0.5 * (values + np.roll(values, shift, axis=1))

    def across(values, shift):
        return 0.5 * (values + np.roll(values, shift, axis=2))

    def differences(state, shift):
        # From cells to corners with -1, from corners to cells with +1.
        fx, fy = flux(state, 0), flux(state, 1)
        dx = shift * (fx - np.roll(fx, shift, axis=1))
        dy = shift * (fy - np.roll(fy, shift, axis=2))
        return across(dx, shift) + corner(dy, shift)

    for _ in range(num_steps):
        middle = across(corner(state, -1), -1) - 0.5 * ratio * differences(state, -1)
        state = state - ratio * differences(middle, 1)
    return state[0]


def ours(fields, scheme, n):
    grid = pde_data.Grid((n, n))
    density, u, v, p = map(jnp.asarray, fields(*grid.centers()))
    solver = pde_data.CompressibleNavierStokes(grid, GAMMA, **pde_data.SCHEMES[scheme])
    start = pde_data.Primitive(density, (u, v), p)
    return np.asarray(pde_data.simulate(solver, start, [0.0, TIME]).density[-1])


@pytest.mark.slow
def test_two_schemes_of_unlike_kind_tend_to_each_other_at_second_order(peer):
    differences = [
        np.mean(np.abs(ours(peer.fields, "muscl", n) - lax_wendroff(peer.fields, n)))
        for n in (32, 64)
    ]
    moved = np.mean(np.abs(lax_wendroff(peer.fields, 64) - 1))
    assert differences[1] < 0.03 * moved
    assert np.log2(differences[0] / differences[1]) > 1.7


@pytest.mark.slow
def test_the_solver_agrees_with_pyclaw_within_its_truncation_error(peer):
    pytest.importorskip("clawpack")
    theirs = {n: peer.pyclaw(n) for n in (32, 64, 128)}
    differences = [
        np.mean(np.abs(peer.ours("aweno5z", n) - theirs[n])) for n in (32, 64)
    ]
    assert np.log2(differences[0] / differences[1]) > 1.7
    fine = theirs[128].reshape(64, 2, 64, 2).mean(axis=(1, 3))
    truncation = np.mean(np.abs(theirs[64] - fine)) * 4 / 3
    assert differences[1] < 1.5 * truncation
