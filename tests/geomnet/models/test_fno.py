"""The Fourier neural operator: its types, its twin, its description."""

import json

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import geomnet as gn
from geomnet.models import describe_model, rebuild_model
from geomnet.testing import (
    TOLERANCES,
    equivariance_error,
    perturb,
    translation_error,
)

FLOW = gn.Signature("density:0+ velocity:1+")


def fno(group=None, **options):
    group = gn.hyperoctahedral(2) if group is None else group
    options = {"hidden": "2x0+ 2x1+ 1x0-", "modes": 1, "num_blocks": 1} | options
    return gn.FNO(group, 2 * FLOW, FLOW, key=jax.random.key(0), **options)


def noise(fields, grid, dtype):
    rng = np.random.default_rng(0)
    array = rng.standard_normal((*grid, fields.features(len(grid))))
    return gn.GeometricImage(fields, array.astype(dtype))


def test_fields_that_no_pointwise_map_makes_start_at_zero_and_are_filled():
    model = fno()
    assert model.lift.out_signature == gn.Signature("2x0+ 2x1+")
    x = noise(2 * FLOW, (3, 4), np.float32)

    @eqx.filter_jit
    def before_and_after(model, x):
        lifted = model._filled(model.lift(x))
        return lifted, model.blocks[0](lifted)

    lifted, after = before_and_after(model, x)
    assert lifted.signature == after.signature == model.hidden
    assert not np.any(lifted["0-"])
    assert np.any(lifted["1+"])
    assert np.abs(after["0-"]).max() > 1e-2


def test_gradients_are_finite_on_a_field_of_zeros_and_reach_every_leaf():
    @eqx.filter_jit
    def slope(model, x):
        return eqx.filter_grad(lambda m: jnp.sum(m(x).array ** 2))(model)

    model = perturb(fno(), key=jax.random.key(1))
    x = noise(2 * FLOW, (3, 4), np.float32)
    for image in (x, 0 * x):
        leaves = jax.tree.leaves(slope(model, image))
        assert all(np.isfinite(leaf).all() for leaf in leaves)
    found = jax.tree.leaves(slope(model, x))
    assert all(np.abs(leaf).max() > 0 for leaf in found if leaf.size)


def test_twin_is_the_plain_operator_of_as_many_components():
    model = fno()
    plain = eqx.filter_eval_shape(gn.twin, model)
    assert plain.hidden == gn.Signature("7x0+")
    assert plain.modes == model.modes
    # A complex matrix for each pair of opposite wave vectors and a real one for 0.
    assert plain.blocks[0].spectral.kernel.weights.size == 3**2 * 7 * 7
    assert plain.lift.out_signature == plain.hidden


@pytest.mark.parametrize("residual", [False, True])
def test_is_rebuilt_from_its_description(residual):
    model = fno(gn.reflections(2), modes=(1, 2), size=3)
    model = gn.Residual(model) if residual else model
    description = json.loads(json.dumps(describe_model(model)))
    rebuilt = eqx.filter_eval_shape(rebuild_model, description)
    assert jax.tree.structure(rebuilt) == jax.tree.structure(model)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("group", "options", "grid"),
    [
        (gn.hyperoctahedral(2), {"size": 3, "num_blocks": 3, "modes": 3}, (9, 7)),
        (gn.rotations(2), {"num_blocks": 4, "modes": 2}, (6, 6)),
        (gn.hyperoctahedral(3), {"hidden": "2x0+ 1x1+ 1x1-"}, (4, 3, 5)),
        (gn.rotations(3), {"hidden": "2x0+ 1x1+"}, (4, 3, 5)),
    ],
)
def test_commutes_when_deep_and_in_three_dimensions(group, options, grid, float64):
    model = perturb(fno(group, dtype=float64, **options), key=jax.random.key(1))
    x = noise(2 * FLOW, grid, float64)
    assert equivariance_error(model, x, group) <= TOLERANCES["float64"]
    shift = tuple(range(1, 1 + len(grid)))
    assert translation_error(model, x, shift) <= TOLERANCES["float64"]


@pytest.mark.slow
def test_commutes_in_float32_after_four_blocks_to_its_rounding():
    model = perturb(fno(modes=3, num_blocks=4), key=jax.random.key(1))
    x = noise(2 * FLOW, (8, 8), np.float32)
    assert equivariance_error(model, x) <= TOLERANCES["float32"]
