"""Anisotropic and stretched grids: the metric moves with the group."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import geomnet as gn
from geomnet import log_metric_field, metric_field
from geomnet._group import signed_permutation
from geomnet.testing import TOLERANCES, equivariance_error, perturb

SQUARE, CUBE = gn.hyperoctahedral(2), gn.hyperoctahedral(3)
FIELDS = (metric_field, log_metric_field)


def stretched(cells):
    """Fine at one end."""
    return 0.1 * 1.3 ** np.arange(cells)


def moved(g, spacings, grid):
    """What becomes of spacings and grid when the axes are exchanged and reversed."""
    permutation, signs, _ = signed_permutation(g)
    sides = [np.broadcast_to(h, n) for h, n in zip(spacings, grid, strict=True)]
    new = [sides[p][::s] for p, s in zip(permutation, signs, strict=True)]
    return new, tuple(grid[p] for p in permutation)


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("group", [SQUARE, gn.hyperoctahedral(1)], ids=str)
def test_the_metric_moves_as_the_spacings_do(field, group):
    grid = (3, 4)[: group.num_spatial_dims]
    spacings = [stretched(3), 0.7][: len(grid)]
    metric = field(spacings, grid)
    for g in group.elements:
        expected = field(*moved(g, spacings, grid)).array
        np.testing.assert_allclose(gn.act(g, metric).array, expected, atol=1e-6)


def test_the_metric_has_squared_spacings_on_its_diagonal():
    metric = metric_field([stretched(3), 0.5, 2], (3, 2, 4), name="g")
    tensor = metric["g"][:, :, :, 0]
    assert metric.signature == gn.Signature("g:2s+")
    assert tensor.shape == (3, 2, 4, 3, 3)
    for axis, h in enumerate((stretched(3)[:, None, None], 0.5, 2)):
        np.testing.assert_allclose(
            tensor[..., axis, axis], np.broadcast_to(h**2, (3, 2, 4)), rtol=1e-6
        )
    assert not np.asarray(tensor)[..., ~np.eye(3, dtype=bool)].any()


def test_the_logarithm_is_half_that_of_the_metric_in_some_unit():
    spacings, grid = [stretched(3), 0.5], (3, 4)
    for unit in (1.0, 0.2):
        log = log_metric_field(spacings, grid, unit=unit)["metric"][
            ..., 0, [0, 1], [0, 1]
        ]
        metric = metric_field(spacings, grid)["metric"][..., 0, [0, 1], [0, 1]]
        np.testing.assert_allclose(log, 0.5 * jnp.log(metric / unit**2), atol=1e-6)
    # In units of the mean it forgets the units, and vanishes where all cells are alike.
    first, larger = (
        log_metric_field([c * h for h in spacings], grid).array for c in (1, 1000)
    )
    np.testing.assert_allclose(first, larger, atol=1e-5)
    np.testing.assert_allclose(first.mean(), 0, atol=1e-6)
    np.testing.assert_allclose(log_metric_field([3, 3], grid).array, 0, atol=1e-6)


def network(group, hidden="1x0+ 1x1+ 1x2s+"):
    model = gn.ResNet(
        group,
        "velocity:1+ metric:2s+",
        "velocity:1+",
        hidden=hidden,
        num_blocks=1,
        key=jax.random.key(0),
    )
    return perturb(model, key=jax.random.key(1))


def flow(grid):
    array = np.random.default_rng(0).standard_normal((*grid, len(grid)))
    return gn.GeometricImage("velocity:1+", array.astype(np.float32))


@eqx.filter_jit
def predictions(model, flows, spacings):
    """A batch of flows, each on a grid of its own, none of it known when tracing."""

    def one(array, spacings):
        image = gn.GeometricImage("velocity:1+", array)
        metric = log_metric_field(spacings, image.grid, unit=0.1)
        return model(gn.concatenate([image, metric]))

    return jax.vmap(one)(flows, spacings).array


def test_a_network_commutes_where_the_metric_moves_along_and_only_there():
    model, grid = network(SQUARE), (4, 4)
    image = flow(grid)
    # A stretched axis and a coarse one; two coarse ones, unlike each other.
    batch = [[stretched(4), np.full(4, 0.4)], [np.full(4, 0.2), np.full(4, 0.4)]]

    def run(image, spacings):
        flows = jnp.stack([image.array] * len(spacings))
        sides = [
            jnp.asarray(np.stack(h), jnp.float32) for h in zip(*spacings, strict=True)
        ]
        return predictions(model, flows, sides)

    start = run(image, batch)
    stays = []
    for g in SQUARE.elements:
        turned = gn.act(g, image)
        expected = gn.act(g, gn.GeometricImage("velocity:1+", start)).array
        found = run(turned, [moved(g, h, grid)[0] for h in batch])
        error = np.abs(found - expected).max() / np.abs(expected).max()
        assert error <= TOLERANCES["float32"]
        wrong = run(turned, batch)
        stays.append(np.abs(wrong - expected).max((1, 2, 3)) / np.abs(expected).max())
    # Every exchange and reversal of the stretched axis, and each exchange of the other.
    stays = np.stack(stays, axis=1) > 1e-3
    assert stays[0].sum() == 6
    assert stays[1].sum() == 4


@pytest.mark.slow
@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize(
    ("group", "spacings", "grid"),
    [
        (SQUARE, [stretched(5), 0.7], (5, 4)),
        (CUBE, [stretched(3), 0.3, stretched(2)], (3, 4, 2)),
        (gn.hyperoctahedral(1), [stretched(6)], (6,)),
    ],
    ids=["plane", "space", "line"],
)
def test_a_network_commutes_on_stretched_grids(field, group, spacings, grid):
    with jax.enable_x64(True):
        image = gn.concatenate([flow(grid), field(spacings, grid, dtype="float32")])
        model = gn.testing.cast(network(group), "float64")
        image = image.astype("float64")
        assert equivariance_error(model, image, group) <= TOLERANCES["float64"]


@pytest.mark.slow
def test_a_constant_metric_needs_tensors_inside():
    """Scalars and vectors see its trace alone: the same for both ways to turn it."""
    image = flow((4, 4))
    for hidden, sees in (("2x0+ 2x1+", False), ("1x0+ 1x1+ 1x2s+", True)):
        one, other = (
            eqx.filter_jit(network(SQUARE, hidden))(
                gn.concatenate([image, log_metric_field(h, (4, 4))])
            ).array
            for h in ([0.2, 0.4], [0.4, 0.2])
        )
        assert (np.abs(one - other).max() > 1e-3) == sees


def test_spacings_that_do_not_fit_are_refused():
    for spacings, message in {
        (1.0,): "has 1 entries and `grid` 2 axes",
        (1.0, -2.0): r"`spacings\[1\]` must be positive and finite",
        (np.inf, 1.0): r"`spacings\[0\]` must be positive and finite",
        (1.0, (1.0, 2.0)): r"`spacings\[1\]` has shape \(2,\).* 4 cells along axis 1",
    }.items():
        with pytest.raises(ValueError, match=message):
            metric_field(spacings, (3, 4))
    with pytest.raises(ValueError, match="`unit` must be positive"):
        log_metric_field((1.0, 1.0), (3, 4), unit=0)
