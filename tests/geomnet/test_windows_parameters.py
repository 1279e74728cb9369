"""Numbers of each trajectory go with its windows; targets may be further ahead."""

import numpy as np
import pytest

import geomnet as gn

FLOW = gn.Signature("s:0+")
# The number of the trajectory, and of the time, can be read off each frame.
FRAMES = np.tile(
    (10 * np.arange(3)[:, None] + np.arange(8))[:, :, None, None, None],
    (1, 1, 4, 4, 1),
).astype(np.float32)
GIVEN = {"a": np.array([0.5, 1.0, 2.0]), "b": 7.0}


def data():
    fields = {"s": FRAMES[..., 0]}
    axes = "trajectory time x y"
    return gn.FieldData(fields, FLOW, axes=axes, parameters=GIVEN)


def windows_of(kind, **options):
    if kind == "lazy":
        lazy = gn.LazyFrames(data(), parameters=["a", "b"])
        return gn.Windows(FLOW, lazy, past=2, **options)
    held = gn.Windows(FLOW, FRAMES, past=2, parameters=GIVEN, **options)
    return held.on_device() if kind == "on the device" else held


@pytest.mark.parametrize("kind", ["held", "lazy", "on the device"])
def test_each_window_brings_the_numbers_of_its_trajectory(kind):
    windows = windows_of(kind)
    numbers = np.arange(len(windows))[::-1]
    histories, parameters, targets = windows.take(numbers)
    trajectory = np.asarray(targets.array)[:, 0, 0, 0] // 10
    expected = np.stack(
        [GIVEN["a"][trajectory.astype(int)], np.full(len(windows), 7.0)]
    )
    np.testing.assert_array_equal(parameters, expected.T)
    assert parameters.dtype == np.float32
    assert histories.array.shape == (len(windows), 4, 4, 2)
    for inputs in (windows.rollouts(), windows.starts(3).take(np.arange(3))):
        np.testing.assert_array_equal(inputs[1][:, 0], GIVEN["a"])
        np.testing.assert_array_equal(inputs[2].array[:, 0, 0, 0, 0] // 10, range(3))


def test_numbers_follow_the_trajectories_that_are_chosen():
    lazy = gn.LazyFrames(data(), [2, 0], parameters=["a"])
    np.testing.assert_array_equal(lazy.parameters["a"], [2.0, 0.5])
    windows = gn.Windows(FLOW, lazy, past=2, parameters={"c": [5.0, 6.0]})
    _, parameters, _ = windows.take(np.array([0, len(windows) - 1]))
    np.testing.assert_array_equal(parameters, [[2.0, 5.0], [0.5, 6.0]])
    assert len(gn.Windows(FLOW, gn.LazyFrames(data()), past=2).take(np.arange(2))) == 2
    with pytest.raises(ValueError, match="'a' differs from that of the frames"):
        gn.Windows(FLOW, lazy, past=2, parameters={"a": 1.0})
    with pytest.raises(ValueError, match=r"`parameters` .*\(a, b\), got 'c'"):
        gn.LazyFrames(data(), parameters=["c"])
    for wrong, words in [([1.0, 2.0], "shape"), ([1.0, 2.0, np.inf], "must be finite")]:
        with pytest.raises(ValueError, match=f"'a' .*{words}"):
            gn.Windows(FLOW, FRAMES, past=2, parameters={"a": wrong})


@pytest.mark.parametrize("kind", ["held", "lazy", "on the device"])
@pytest.mark.parametrize(
    ("stride", "gap", "targets"), [(1, 4, 1), (2, 1, 2), (2, 3, 1)]
)
def test_the_first_target_is_a_gap_after_the_history(kind, stride, gap, targets):
    options = {"stride": stride, "gap": gap, "num_targets": targets}
    windows = windows_of(kind, **options)
    last = stride + gap + (targets - 1) * stride
    assert len(windows) == 3 * (8 - last)
    histories, _, found = windows.take(np.array([0]))
    np.testing.assert_array_equal(histories.array[0, 0, 0], [0, stride])
    first = np.reshape(found.array, (targets, 4, 4))[:, 0, 0]
    np.testing.assert_array_equal(first, stride + gap + stride * np.arange(targets))
    final = windows.take(np.array([len(windows) - 1]))[2].array
    assert np.max(final) == 27  # The last frame of all.
    for rolling in (windows.rollouts, lambda: windows.starts(1)):
        with pytest.raises(ValueError, match=f"`gap` is {gap}.*`stride={gap}`"):
            rolling()


def test_a_gap_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"`past` must be from 1 to 1, .* first 7"):
        gn.Windows(FLOW, FRAMES, past=2, gap=7)
    with pytest.raises(ValueError, match="`gap` must be 1 or more, got 0"):
        gn.Windows(FLOW, FRAMES, past=2, gap=0)


def test_units_of_each_samples_own_are_found_from_lazy_frames_too():
    rng = np.random.default_rng(0)
    arrays = {"u": rng.normal(size=(3, 4, 5, 5, 2))}
    data = gn.FieldData(
        arrays,
        "u:1+",
        axes="trajectory time x y",
        parameters={"cell": 0.5, "viscosity": [0.1, 0.2, 0.4]},
        dimensions={"u": "L T^-1", "cell": "L", "viscosity": "L^2 T^-1"},
    )
    units = data.units(("rms u", "cell"))
    lazy = gn.LazyFrames(data, [2, 0], parameters=["cell", "viscosity"])
    mine = gn.fit_unit_normaliser(units, "u:1+", lazy, lazy.parameters)
    theirs = gn.fit_unit_normaliser(units, "u:1+", np.asarray(lazy), lazy.parameters)
    assert mine == theirs
    assert units.numbers == ("viscosity",)
