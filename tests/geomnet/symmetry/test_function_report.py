"""Which symmetries functions respect: a step of a solver, and planted faults."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import geomnet as gn
import pde_data
from geomnet.symmetry import function_symmetry_report

FLOW = "density:0+ pressure:0+ velocity:1+"
SQUARE = gn.hyperoctahedral(2)


def _state(solver):
    return pde_data.initial.random_fourier(
        solver, jax.random.key(0), mach=0.3, max_mode=2, window_probability=0.0
    )


def _step(solver, length: float = 0.002):
    def step(state):
        return pde_data.fixed_steps(solver, state, length, 1)

    return step


def test_the_generators_step_has_every_symmetry():
    with jax.enable_x64(True):
        solver = pde_data.CompressibleNavierStokes(grid=(8, 8))
        report = function_symmetry_report(
            _step(solver),
            _state(solver),
            signature=FLOW,
            time_step=0.002,
            at_time_step=lambda length: _step(solver, length),
        )
    assert report.group == SQUARE
    assert report["shift along x"].verdict == "holds"
    assert report["shift along y"].verdict == "holds"
    assert report["mass scale"].verdict == "holds"
    assert report["velocity scale"].verdict == "holds"
    # A scheme on a grid has it only in the limit.
    assert report["Galilean"].verdict in ("nearly", "broken")
    assert 1e-6 < report["Galilean"].size < 1


def test_the_step_with_gravity_and_walls_has_the_axis_subgroup():
    with jax.enable_x64(True):
        open_side, wall = pde_data.periodic, pde_data.slip_wall
        walls = [(open_side, open_side), (wall, wall)]
        solver = pde_data.CompressibleNavierStokes(
            grid=(8, 8),
            shear_viscosity=0.01,
            boundary=walls,
            forcing=lambda state, grid, time: (jnp.zeros(()), -jnp.ones(())),
        )
        report = function_symmetry_report(_step(solver), _state(solver), signature=FLOW)
    assert report.group == gn.Group.from_generators([[[-1, 0], [0, 1]]])
    assert report["shift along x"].verdict == "holds"
    assert report["shift along y"].verdict == "broken"
    # A dynamic viscosity sets the scale of mass.
    assert report["mass scale"].verdict != "holds"


def test_a_function_with_a_wrong_parity():
    def curl(x):
        u = x["velocity"]

        def roll(a, axis):
            return jnp.roll(a, -1, axis) - jnp.roll(a, 1, axis)

        return {"velocity": u, "omega": roll(u[..., 1], 0) - roll(u[..., 0], 1)}

    u = np.random.default_rng(0).normal(size=(4, 4, 2))
    report = function_symmetry_report(
        curl,
        {"velocity": u},
        SQUARE,
        signature="velocity:1-",
        out_signature="velocity:1- omega:0-",
    )
    assert report.group == gn.rotations(2)
    assert str(report.wrong_parities[0]) == (
        "`velocity` behaves as 1+, you declared 1-"
    )


def test_translations_of_a_network_that_halves_its_grid():
    x = gn.GeometricImage("0+", np.random.default_rng(0).normal(size=(8, 8, 1)), 2)
    report = function_symmetry_report(
        lambda v: v.with_array(v.array.reshape(4, 2, 4, 2, 1).mean(axis=(1, 3))), x
    )
    assert report.group == SQUARE
    assert report["shift along x"].evidence == "by multiples of 2 cells"


def test_data_are_refused_with_the_function_for_them():
    data = {"s": np.zeros((8, 2, 4, 4))}
    with pytest.raises(TypeError, match=r"data set.*`geomnet\.symmetry\.symmetry_re"):
        function_symmetry_report(data, None, signature="s:0+")
    with pytest.raises(TypeError, match="`f` must be a function, got int"):
        function_symmetry_report(3, None)


def test_the_dimensions_follow_from_the_input_where_they_can():
    x = np.random.default_rng(0).normal(size=(4, 4, 2))
    assert function_symmetry_report(np.negative, x, signature="1+").group == SQUARE
    with pytest.raises(ValueError, match="`group` is needed"):
        function_symmetry_report(np.negative, x, signature="2x0+")
