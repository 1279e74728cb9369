"""Grids and states: what they are made of, and what none can be made of."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import pde_data


def test_one_length_holds_for_all_axes_and_cells_fill_the_box():
    grid = pde_data.Grid((4, 8), 2.0, origin=(1.0, -1.0))
    assert grid.extent == (2.0, 2.0)
    assert grid.spacing == (0.5, 0.25)
    assert grid.num_cells == 32
    np.testing.assert_array_equal(grid.coordinates(0), [1.25, 1.75, 2.25, 2.75])
    finer = grid.refined(2)
    assert (finer.shape, finer.extent, finer.origin) == ((8, 16), (2, 2), (1, -1))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((),), r"`shape` must have 1, 2 or 3 axes, got 0: \(\)"),
        (((4, 4, 4, 4),), "`shape` must have 1, 2 or 3 axes, got 4"),
        (((4, 3),), r"at least 4 cells along each axis, got \(4, 3\)"),
        (((4, 4), 0.0), r"`extent` must be positive, got \(0.0, 0.0\)"),
        (((4, 4), (1.0, float("inf"))), r"`extent` must be positive, got \(1.0, inf\)"),
        (((4, 4), (1.0,)), r"`extent` must be one number or one per axis \(2\), got"),
        (((4, 4), 1.0, (0.0,) * 3), r"`origin` must be one number or one per axis"),
    ],
)
def test_a_box_that_there_can_not_be_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        pde_data.Grid(*arguments)


@pytest.mark.usefixtures("no_type_checks")
def test_a_state_is_of_components_and_is_made_of_an_array_by_a_function():
    one, velocity = jnp.ones((4, 4)), jnp.arange(32.0).reshape(4, 4, 2)
    array: Any = velocity
    with pytest.raises(
        TypeError, match=r"`velocity` must be a tuple .*shape \(4, 4, 2\)"
    ):
        pde_data.Primitive(one, array, one)
    state = pde_data.primitive(one, velocity, 2 * one)
    np.testing.assert_array_equal(state.velocity[1], velocity[..., 1])
    np.testing.assert_array_equal(state.temperature, 2 * one)
    with pytest.raises(
        ValueError, match=r"`velocity` must have shape \(4, 4, 2\).*\(4, 4, 3\)"
    ):
        pde_data.primitive(one, jnp.ones((4, 4, 3)), one)
