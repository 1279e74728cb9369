"""What callables say of themselves, through `vmap`, `jit` and `partial`."""

import functools

import equinox as eqx
import jax
import numpy as np
import pytest

import geomnet as gn
from geomnet._equivariance._callables import (
    find_group,
    group_on,
    name_of,
    stated_signature,
)
from geomnet.testing import assert_equivariant, certify

SQUARE = gn.hyperoctahedral(2)


class OnGrids(eqx.Module):
    """Says only on each grid with what it commutes, and what it takes."""

    signature: str = eqx.field(static=True, default="0+")

    def equivariant_under(self, grid):
        return SQUARE if grid[0] == grid[1] else gn.reflections(2)

    def __call__(self, image):
        return image * 2.0


@pytest.mark.parametrize(
    "wrap",
    [lambda f: f, jax.vmap, eqx.filter_jit, lambda f: functools.partial(f, 1)],
    ids=["bare", "vmap", "jit", "partial"],
)
def test_names_groups_and_signatures_are_found_inside(wrap):
    gate = gn.nn.Gate(SQUARE, "0+ 1+", key=jax.random.key(0))
    net = gn.nn.Linear(SQUARE, "0+ 1+", "1+", key=jax.random.key(0))
    assert name_of(wrap(gate)) == "Gate"
    assert find_group(wrap(gate), None) == SQUARE
    assert find_group(wrap(gate), gn.trivial(2)) == gn.trivial(2)
    assert str(stated_signature(wrap(gate))) == "0+ 1+"
    # What it takes, not what it gives.
    assert str(stated_signature(wrap(net))) == "0+ 1+"
    assert stated_signature(wrap(lambda x: -x)) is None
    assert group_on(wrap(lambda x: -x), (4, 4)) is None


def test_what_is_stated_for_a_grid_is_enough():
    layer = OnGrids()
    for grid, order in (((4, 4), 8), ((4, 6), 4)):
        array = np.random.default_rng(0).normal(size=(*grid, 1)).astype(np.float32)
        assert_equivariant(layer, gn.GeometricImage("0+", array))
        assert find_group(layer, None, grid).order == order
    report = certify(layer, (4, 4), ())
    assert report.passed
    assert [len(check.errors) for check in report.checks] == [8, 4]
    with pytest.raises(ValueError, match="`group` is not given and OnGrids has no"):
        find_group(layer, None)
