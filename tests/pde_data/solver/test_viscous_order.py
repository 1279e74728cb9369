"""Viscous fluxes of second and fourth order, against derivatives by Fourier series."""

import functools
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pde_data
from pde_data.solver._state import Primitive
from pde_data.verification import _laws as laws


def slow(*values):
    return pytest.param(*values, marks=pytest.mark.slow)


GAS: dict[str, Any] = {
    "shear_viscosity": 0.03,
    "bulk_viscosity": 0.02,
    "prandtl_number": 0.7,
}


def smooth(n, d):
    """Density, velocity and pressure of some waves, which any grid resolves."""
    centers = (np.arange(n) + 0.5) / n
    axes = np.meshgrid(*[2 * np.pi * centers] * d, indexing="ij")
    wave = lambda *k: sum(m * x for m, x in zip(k, axes, strict=False))  # noqa: E731
    density = 1 + 0.2 * np.sin(wave(1, 1, -1)) + 0.1 * np.cos(wave(0, 1, 1))
    velocity = [
        0.3 * np.sin(wave(*np.roll([1, 2, -1], i)) + i) + 0.1 * np.cos(wave(1, 1, 1))
        for i in range(d)
    ]
    pressure = 1 + 0.1 * np.cos(wave(1, -1, 2))
    return density, velocity, pressure


def exact_rate(n, d, gamma, model):
    """Of momentum and energy, at the cells, every derivative by Fourier series."""
    density, velocity, pressure = smooth(n, d)
    waves = 2j * np.pi * np.fft.fftfreq(n, 1 / n)

    def slope(f, axis):
        factor = waves.reshape([-1 if a == axis else 1 for a in range(d)])
        return np.fft.ifft(factor * np.fft.fft(f, axis=axis), axis=axis).real

    weight = density if model == "kinematic" else 1.0
    shear, bulk = GAS["shear_viscosity"] * weight, GAS["bulk_viscosity"] * weight
    gradient = [[slope(u, j) for j in range(d)] for u in velocity]
    divergence = sum(gradient[i][i] for i in range(d))
    heat = shear * gamma / (gamma - 1) / GAS["prandtl_number"]
    stress = [
        [
            shear * (gradient[i][j] + gradient[j][i])
            + (i == j) * (bulk - 2 / 3 * shear) * divergence
            for j in range(d)
        ]
        for i in range(d)
    ]
    flux = [
        sum(velocity[i] * stress[i][j] for i in range(d))
        + heat * slope(pressure / density, j)
        for j in range(d)
    ]
    momentum = [sum(slope(stress[i][j], j) for j in range(d)) for i in range(d)]
    return [*momentum, sum(slope(flux[j], j) for j in range(d))]


@functools.cache
def error(order, n, d, model):
    solver = pde_data.CompressibleNavierStokes(
        (n,) * d, 1.4, viscosity=model, viscous_order=order, **GAS
    )
    with jax.enable_x64(True):
        density, velocity, pressure = smooth(n, d)
        start = Primitive(
            jnp.asarray(density),
            tuple(map(jnp.asarray, velocity)),
            jnp.asarray(pressure),
        )
        state = solver.gas.conserved(start)
        found = eqx.filter_jit(solver.viscous_rate)(state, jnp.zeros(()))
    exact = exact_rate(n, d, 1.4, model)
    parts = zip([*found.momentum, found.energy], exact, strict=True)
    assert np.all(found.density == 0)
    return max(float(np.abs(a - b).max() / np.abs(b).max()) for a, b in parts)


@pytest.mark.parametrize(
    ("d", "n", "model"),
    [
        (1, 32, "kinematic"),
        (2, 32, "dynamic"),
        slow(1, 32, "dynamic"),
        slow(2, 32, "kinematic"),
        slow(3, 16, "dynamic"),
        slow(3, 16, "kinematic"),
    ],
)
def test_errors_fall_with_the_order_of_the_stencils(d, n, model):
    """And that of second order falls no faster, so that the law can tell them apart."""
    rates = {
        order: np.log2(error(order, n, d, model) / error(order, 2 * n, d, model))
        for order in (2, 4)
    }
    assert 1.8 < rates[2] < 2.2
    assert 3.6 < rates[4] < 4.4
    assert error(4, 2 * n, d, model) < 0.1 * error(2, 2 * n, d, model)


@pytest.mark.parametrize(
    ("scheme", "d", "n", "dtype", "surrounding"),
    [
        slow("aweno5z + fourth", 2, 9, "float32", "viscous"),
        ("muscl + fourth + rkl2", 2, 10, "float64", "no-slip walls"),
        slow("aweno5z + fourth", 2, 12, "float64", "gravity"),
        slow("muscl + fourth", 3, 7, "float32", "viscous"),
        slow("muscl + fourth", 1, 11, "float32", "slip walls"),
        slow("aweno5z-low-mach + fourth + rkl2", 2, 10, "float32", "viscous"),
    ],
)
def test_steps_commute_bit_for_bit(scheme, d, n, dtype, surrounding):
    assert laws.commutation(scheme, d, n, dtype, surrounding, 4) == 0


@pytest.mark.slow
@pytest.mark.parametrize(("dtype", "bound"), [("float32", 1e-6), ("float64", 1e-13)])
@pytest.mark.parametrize("scheme", ["aweno5z + fourth", "muscl + fourth + rkl2"])
def test_totals_are_kept(scheme, dtype, bound):
    assert laws.drift(scheme, dtype) < bound


def test_steps_of_the_stable_length_are_stable_where_viscosity_bounds_them():
    """The shortest wave of all, in a gas so viscous that nothing else matters; with
    half as much again it grows.
    """
    solver = pde_data.CompressibleNavierStokes(
        (16, 16), 1.4, 10.0, 0.0, viscous_order=4, courant_number=1.0
    )
    signs = jnp.asarray((-1.0) ** np.add.outer(np.arange(16), np.arange(16)))
    zero = jnp.zeros((16, 16))
    start = Primitive(zero + 1, (1e-3 * signs, zero), zero + 1)
    step = solver.stable_step(solver.gas.conserved(start))
    ends = [pde_data.fixed_steps(solver, start, x * step, 40) for x in (0.9, 1.5)]
    sizes = [float(jnp.abs(end.velocity[0]).max()) for end in ends]
    assert sizes[0] < 1e-3
    assert not sizes[1] < 1e-3


def test_an_order_without_stencils_is_refused():
    with pytest.raises((TypeError, ValueError), match=r"`viscous_order`.* 2.* 4.*3"):
        pde_data.CompressibleNavierStokes((8, 8), viscous_order=3)  # pyright: ignore
