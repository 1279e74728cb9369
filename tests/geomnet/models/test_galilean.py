"""A model that sees each flow at rest is covariant to every uniform motion."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import geomnet as gn
from geomnet.testing import (
    assert_galilean_covariant,
    assert_units_covariant,
    equivariance_error,
    galilean_errors,
)

SQUARE = gn.hyperoctahedral(2)
FLOW = gn.Signature("density:0+ pressure:0+ velocity:1+")
UNITS = gn.flow_units("time_step")
# A velocity of 2 carries by one cell in a time step.
GIVEN = {"cell": 0.25, "time_step": 0.125}
SPEED, ROW = 2.0, UNITS.given(GIVEN)
GRIDS = [
    (5, 3),
    (4, 6),
    pytest.param((6, 6), marks=pytest.mark.slow),
    pytest.param((3, 4), marks=pytest.mark.slow),
]


class Upwind(gn.models.AbstractMap):
    """Something like a step of a flow: nothing to draw, and little to compile."""

    group: gn.Group = eqx.field(static=True, default=SQUARE)
    in_signature: gn.Signature = eqx.field(static=True, default=3 * FLOW)
    out_signature: gn.Signature = eqx.field(static=True, default=FLOW)
    num_parameters: int = eqx.field(static=True, default=0)

    def translation_steps(self, grid):
        gn.nn.check_dimension(grid, self.group)
        return (1,) * len(grid)

    def __call__(self, history, numbers=None):
        old, _, new = jnp.split(history["velocity"], 3, axis=2)
        density, pressure = (history[name][..., -1:] for name in FLOW.names[:2])
        along = [jnp.roll(new, -1, axis) - jnp.roll(new, 1, axis) for axis in (0, 1)]
        slow = 0.1 if numbers is None else 0.1 * jnp.tanh(numbers[0])
        divergence = along[0][..., 0] + along[1][..., 1]
        carried = new[..., :1] * along[0] + new[..., 1:] * along[1]
        dragged = jnp.tanh(pressure[..., None]) * old - carried
        fields = {
            "density": density * (1 - slow * divergence),
            "pressure": pressure + slow * jnp.square(new).sum(-1),
            "velocity": new + slow * dragged,
        }
        return gn.GeometricImage.from_fields(FLOW, fields, 2)


def history(grid, dtype="float64"):
    """Noise on gas that moves by (0.7, -0.3) cells in a time step."""
    array = 0.3 * np.random.default_rng(0).normal(size=(*grid, 12))
    array[..., :6] += 2
    array[..., 6:] += np.tile((0.7 * SPEED, -0.3 * SPEED), 3)
    return gn.GeometricImage(3 * FLOW, jnp.asarray(array, dtype), 2)


MODEL = Upwind()
NET = gn.Galilean(MODEL, UNITS, ROW)
# Compiled once for each grid.
RUN, BARE = eqx.filter_jit(NET), eqx.filter_jit(MODEL)


def moved(array, cells):
    """By interpolation with all waves but those of two cells: sums, no transforms."""
    for axis, by in enumerate(cells):
        n = array.shape[axis]
        waves = np.arange(-((n - 1) // 2), (n - 1) // 2 + 1)
        gaps = np.arange(n)[:, None] - np.arange(n) - by
        matrix = np.cos(2 * np.pi * gaps[..., None] * waves / n).sum(-1) / n
        array = np.moveaxis(np.tensordot(matrix, array, (1, axis)), 0, axis)
    return array


def boosted(array, cells, move=moved, frames=1):
    """Each frame moved by its time, the newest not, or one frame by one time step."""
    wind = SPEED * np.asarray(cells)
    parts = np.split(np.asarray(array), np.cumsum((1, 1, 2)[:2]) * frames, axis=-1)
    result = []
    for part, added in zip(parts, (0.0, 0.0, np.tile(wind, frames)), strict=True):
        times = [1] if frames == 1 else range(1 - frames, 1)
        each = np.split(part, frames, axis=-1)
        glided = [
            move(one, np.multiply(time, cells))
            for one, time in zip(each, times, strict=True)
        ]
        result.append(np.concatenate(glided, axis=-1) + added)
    return np.concatenate(result, axis=-1)


def rolled(array, cells):
    return np.roll(array, np.asarray(cells, int), (0, 1))


@pytest.mark.parametrize("grid", GRIDS)
def test_a_boosted_flow_gives_the_boosted_prediction_for_every_element(grid, float64):
    x = history(grid)
    x = x.with_array(jnp.asarray(moved(np.asarray(x.array), (0, 0))))
    for cells in ((0.31, -1.77), (0.0, 0.5), (-40.25, 3.0)):
        faster = x.with_array(jnp.asarray(boosted(x.array, cells, frames=3)))
        expected = boosted(RUN(x).array, cells)
        found = moved(np.asarray(RUN(faster).array), (0, 0))
        size = np.abs(expected).max()
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12 * size)
    assert equivariance_error(RUN, faster, SQUARE) <= 1e-12


@pytest.mark.parametrize("grid", GRIDS)
def test_by_whole_cells_all_waves_are_boosted(grid, float64):
    x = history(grid)
    assert_galilean_covariant(RUN, x, SPEED, tolerance=1e-12)
    for cells in ((1, -2), (17, 0)):
        faster = boosted(x.array, cells, rolled, frames=3)
        expected = boosted(RUN(x).array, cells, rolled)
        found = RUN(x.with_array(jnp.asarray(faster))).array
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-11)


def test_waves_of_two_cells_are_the_only_exception(float64):
    assert max(galilean_errors(RUN, history((5, 3)), SPEED, cells=0.5).values()) < 1e-12
    assert min(galilean_errors(RUN, history((4, 6)), SPEED, cells=0.5).values()) > 1e-4


def test_a_bare_model_depends_on_its_observer(float64):
    assert min(galilean_errors(BARE, history((5, 3)), SPEED).values()) > 1e-2
    with pytest.raises(AssertionError, match="depends on the observer"):
        assert_galilean_covariant(BARE, history((5, 3)), SPEED)
    # Another time step than that of the data carries elsewhere.
    other = gn.Galilean(MODEL, UNITS, UNITS.given(GIVEN | {"time_step": 0.2}))
    with pytest.raises(AssertionError, match="1 cells a time step"):
        assert_galilean_covariant(eqx.filter_jit(other), history((5, 3)), SPEED)


def test_without_a_mean_velocity_it_is_the_model_bit_for_bit():
    array = np.random.default_rng(0).normal(size=(4, 5, 6)).astype("f")
    array = np.concatenate([2 + array[..., :6], np.zeros((4, 5, 6), "f")], axis=-1)
    array[0, 0, 10:], array[0, 1, 10:] = (1, 2), (-1, -2)
    x = gn.GeometricImage(3 * FLOW, jnp.asarray(array), 2)
    run = eqx.filter_jit(gn.Galilean(MODEL, UNITS, ROW, density=None))
    assert np.array_equal(run(x).array, BARE(x).array)


def uniform(cells, dtype="float32", grid=(4, 6)):
    """Noise in density and pressure in a uniform wind."""
    array = np.random.default_rng(0).normal(size=(*grid, 4)) + 3
    array[..., 2:] = SPEED * np.asarray(cells)
    return gn.GeometricImage(FLOW, jnp.asarray(array, dtype), 2)


ADVECTED = gn.Galilean(gn.Persistence(FLOW, FLOW), UNITS, ROW, density=None)


@pytest.mark.parametrize("cells", [(1, -2), (-9, 3), (0, 0)])
def test_whole_cells_are_rolled_bit_for_bit(cells):
    x = uniform(cells)
    found = eqx.filter_jit(ADVECTED)(x)
    assert np.array_equal(found["density"], rolled(x["density"], cells))


def test_the_slope_at_whole_cells_is_that_of_the_waves(float64):
    """Where nothing is left to move by a fraction the derivative is not lost."""

    @jax.jit
    def faster(x, by):
        return ADVECTED(x.with_array(x.array.at[..., 2].add(by * SPEED))).array

    slope_of = jax.jit(jax.jacfwd(faster, argnums=1))
    for cells in ((0, 0), (2, 1)):
        x, step = uniform(cells, "float64", (5, 3)), 1e-4
        ahead, behind, found = faster(x, step), faster(x, -step), slope_of(x, 0.0)
        slope = (ahead - behind) / (2 * step)
        assert np.abs(slope[..., 0]).max() > 0.1
        np.testing.assert_allclose(found, slope, rtol=0, atol=1e-6)


def units_of_vortices():
    """Where the velocity is a scale, which only a flow at rest has."""
    units = gn.Units(
        {"density": "M L^-3", "pressure": "M L^-1 T^-2", "velocity": "L T^-1"},
        ("mean density", "rms velocity", "cell"),
        {"cell": "L", "time_step": "T"},
    )
    one, zero = (1.0,) * 3, (0.0,) * 3
    own = gn.Normaliser(FLOW, zero, one, 2)
    return gn.UnitNormaliser(units, own, (0.0,), (1.0,))


def in_own_units(parameters=None):
    inside = Upwind(num_parameters=1)
    return gn.Nondimensional(inside, units_of_vortices(), parameters)


def test_around_units_of_its_own_it_is_covariant_to_both(float64):
    net, x = gn.Galilean(in_own_units()), history((4, 6))
    run = eqx.filter_jit(net)
    assert_galilean_covariant(run, x, SPEED, ROW)
    assert_units_covariant(run, x, net.units, ROW)
    with pytest.raises(AssertionError, match="depends on the observer"):
        assert_galilean_covariant(eqx.filter_jit(in_own_units()), x, SPEED, ROW)
    built_in = eqx.filter_jit(gn.Galilean(in_own_units(ROW)))
    assert np.array_equal(built_in(x).array, run(x, jnp.asarray(ROW)).array)
    assert equivariance_error(built_in, x, SQUARE) <= 1e-12
    conserving = gn.Conserving(net, 1.4)
    assert_galilean_covariant(eqx.filter_jit(conserving), x, SPEED, ROW)


def test_a_loss_is_measured_in_units_of_the_flow_at_rest(float64):
    net = gn.Galilean(in_own_units(), parameters=ROW)
    x = history((4, 6))
    faster = x.with_array(jnp.asarray(boosted(x.array, (3, 1), rolled, frames=3)))
    own = jax.jit(lambda x: net.own_units(x).scales)
    np.testing.assert_allclose(own(x), own(faster), rtol=1e-12)
    raw = jax.jit(lambda x: in_own_units().own_units(x, jnp.asarray(ROW)).scales)
    assert raw(x)[-1] > 1.5 * own(x)[-1]

    @jax.jit
    def loss(x):
        batch = x.with_array(x.array[None]), net(x).with_array(0 * net(x).array[None])
        metric = gn.training.unrolled(gn.training.smse)
        same = jnp.square(net(x).array / own(x)[np.array([0, 1, 2, 2])])
        return metric(net, batch, jax.random.key(0)), same.mean((0, 1)).sum()

    np.testing.assert_allclose(*loss(x), rtol=1e-10)


def test_a_model_without_units_inside_is_measured_in_those_given(float64):
    assert jax.eval_shape(ADVECTED.own_units, uniform((1, 1))) is None


def test_a_rollout_of_the_boosted_flow_is_boosted(float64):
    x = history((4, 6))
    faster = x.with_array(jnp.asarray(boosted(x.array, (1, 0), rolled, frames=3)))
    rollout = eqx.filter_jit(lambda h: gn.training.rollout(NET, h, 3))
    slow, fast = (rollout(h).array for h in (x, faster))
    for n in range(3):
        expected = rolled(np.asarray(slow[n]), (n + 1, 0))
        expected[..., 2] += SPEED
        np.testing.assert_allclose(fast[n], expected, rtol=0, atol=1e-11)


def test_the_twin_is_the_same_wrapper_around_the_twin():
    net = eqx.filter_eval_shape(
        lambda: gn.twin(
            gn.Galilean(
                gn.ResNet(SQUARE, FLOW, FLOW, hidden="1+", num_blocks=1,
                          key=jax.random.key(0)),
                UNITS, ROW, velocity="velocity", density=None,
            )
        )
    )  # fmt: skip
    assert isinstance(net, gn.Galilean)
    assert net.group == gn.trivial(2)
    assert (net.units, net.parameters, net.density) == (UNITS, ROW, None)


def walled():
    return eqx.filter_eval_shape(
        gn.ResNet,
        SQUARE, 3 * FLOW, FLOW, hidden="0+", num_blocks=1,
        boundary=gn.nn.Boundary.SLIP, key=jax.random.key(0),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: gn.Galilean(MODEL), "`units` must say in which order"),
        (lambda: gn.Galilean(MODEL, UNITS)(history((4, 4))), "are missing: call"),
        (
            lambda: gn.Galilean(MODEL, UNITS)(history((4, 4)), jnp.ones(3)),
            "must hold 2 numbers, in the order of",
        ),
        (lambda: gn.Galilean(MODEL, UNITS, (1.0,)), "must hold 2 numbers"),
        (
            lambda: gn.Galilean(MODEL, gn.Units(UNITS.fields, ())),
            "can't measure",
        ),
        (
            lambda: gn.Galilean(
                MODEL,
                gn.Units(UNITS.fields, UNITS.scales, {"cell": "L", "step": "T"}),
            ),
            "must have the parameters 'cell' of dimension L and",
        ),
        (
            lambda: gn.Galilean(MODEL, UNITS, ROW, velocity="wind"),
            "`velocity` must name one vector",
        ),
        (
            lambda: gn.Galilean(MODEL, UNITS, ROW, density="velocity"),
            "`density` must name one scalar",
        ),
        (
            lambda: gn.Galilean(gn.Persistence("u:1+ place:0+", "u:1+"), UNITS, ROW),
            "and nothing besides",
        ),
        (
            lambda: gn.Galilean(in_own_units(), UNITS),
            "`units` must be those of the model inside",
        ),
        (
            lambda: gn.Galilean(
                in_own_units(ROW), parameters=(1.0, 2.0)
            ),
            "`parameters` must be those of the model inside",
        ),
        (
            lambda: gn.Residual(gn.Galilean(MODEL, UNITS)),
            r"write `geomnet.Galilean\(geomnet.Residual",
        ),
        (
            lambda: gn.Nondimensional(
                gn.Conserving(gn.Galilean(in_own_units()), 1.4), units_of_vortices()
            ),
            r"write `geomnet.Galilean\(geomnet.Nondimensional",
        ),
        (
            lambda: gn.Galilean(walled(), UNITS, ROW)(history((4, 4))),
            "along axis 0 of the grid would not be exact: ResNet",
        ),
        (
            lambda: gn.Galilean(MODEL, UNITS, ROW)(uniform((0, 0))),
            "must have signature",
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(make, words, float64):
    with pytest.raises((ValueError, TypeError), match=words):
        make()


def test_a_check_of_another_history_is_refused():
    with pytest.raises(ValueError, match="`speed` must be positive"):
        galilean_errors(ADVECTED, uniform((1, 1)), -1.0)
    with pytest.raises(ValueError, match="`x` must be a history"):
        galilean_errors(
            lambda x: uniform((1, 1)),
            gn.random_image("u:1+", (4, 6), key=jax.random.key(0)),
            1.0,
        )
