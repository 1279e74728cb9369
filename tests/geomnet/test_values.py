"""Groups, types, images as values: they print, compare, and refuse what they are not.

The corners of each: what a user meets once, and then wants a sentence of. What type
checkers at run time refuse before the package does is in `tests/arguments`.
"""

import pickle
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import geomnet as gn
from geomnet._arguments import (
    check_axis,
    check_kind,
    check_number,
    check_same_shape,
    named_dtype,
)
from geomnet._data import _real_dtype
from geomnet._group import check_group

GROUP = gn.rotations(2)
FLOW = gn.Signature("density:0+ velocity:1+")
SCALAR = gn.Signature("density:0+")
UNITS = gn.Units({"u": "L T^-1"}, ("rms u", "cell"), {"cell": "L"})


class FromElsewhere:
    """Looks like an array, and is of another library."""

    shape, dtype = (2, 2, 1), np.dtype("float32")


FromTorch = type("Tensor", (FromElsewhere,), {"__module__": "torch"})


@pytest.mark.parametrize("value", [gn.Representation(GROUP, FLOW), GROUP, FLOW])
def test_a_value_is_the_same_behind_pickle_and_unlike_all_else(value):
    back = pickle.loads(pickle.dumps(value))
    assert back == value
    assert hash(back) == hash(value)
    assert value != str(value)
    assert str(value) in repr(value)


def test_what_is_printed_says_what_it_is():
    image = gn.GeometricImage(FLOW, jnp.zeros((5, 4, 3, 3)), 2)
    assert repr(image) == f"GeometricImage('{FLOW}', float32[5, 4, 3, 3])"
    assert image.spatial_axes == (-3, -2)
    assert "rotations(2)" in repr(gn.Representation(GROUP, FLOW))
    # A tree of anything but arrays, as `jax.tree.map` makes it.
    names = jax.tree.map(lambda _: "leaf", image)
    assert repr(names) == f"GeometricImage('{FLOW}', str[])"


def test_dtypes_of_frames_hold_every_field():
    whole = {"count": np.zeros(2, np.int32)}
    assert _real_dtype(whole, None) == np.float64
    mixed = {**whole, "density": np.zeros(2, np.float32)}
    assert _real_dtype(mixed, np.float32) == np.float32
    with pytest.raises(TypeError, match="`dtype` must be a floating-point type"):
        _real_dtype(mixed, int)
    with pytest.raises(TypeError, match="'phase' holds complex64"):
        _real_dtype({"phase": np.zeros(2, np.complex64)}, None)


def test_parameters_change_their_units_by_their_own_dimension():
    units = gn.flow_units("time_step")
    grown = units.converted_parameters((2.0, 3.0), {"L": 100.0, "T": 10.0})
    assert dict(zip(dict(units.parameters), grown, strict=True)) == {
        "cell": pytest.approx(200.0),
        "time_step": pytest.approx(30.0),
    }


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: gn.Group([np.eye(2), np.eye(3)]), "same number of dimensions"),
        (lambda: check_group("rotations(2)"), "By its name: `geomnet.Group.from_name"),
        (lambda: GROUP * 2, "unsupported operand"),  # type: ignore
        (lambda: gn.TensorType.parse(3), "For several types call once"),  # type: ignore
        (lambda: gn.Signature([1]), "`entries` must be a text"),  # type: ignore
        (lambda: gn.GeometricImage("0+", [1.0]), "Make one of numbers"),  # type: ignore
        (lambda: gn.GeometricImage("0+", FromElsewhere()), r"numpy\.asarray"),  # type: ignore
        (lambda: gn.GeometricImage("0+", FromTorch()), r"array\.numpy\(\)"),
        (lambda: gn.metric_field(["a", 1.0], (4, 4)), r"`spacings\[0\]` must be"),
        (
            lambda: gn.fit_normaliser(SCALAR, np.zeros((0, 3, 4, 4, 1))),
            "`frames` is empty",
        ),
        (lambda: UNITS.check_signature(gn.Signature("v:1+")), "has no dimension"),
        (
            lambda: gn.Units({"u": "L", "v": "L"}, ("rms v",)).check_signature(
                gn.Signature("u:1+")
            ),
            "is of no entry",
        ),
        (lambda: gn.Units((("u", "L"), ("u", "L")), ("rms u",)), "each once"),
        (lambda: UNITS.converted_parameters((1.0,), {"kg": 2.0}), "`factors` must be"),
    ],
)
def test_what_is_none_is_refused_in_words(make, words):
    with pytest.raises((TypeError, ValueError), match=words):
        make()


@pytest.mark.parametrize(
    ("value", "kind", "words"),
    [
        ("x", None, "must be None"),
        (3, str | gn.TensorType, "A tensor type is a text"),
        (3, gn.nn.Boundaries, "such as `geomnet.nn.Boundary.ZERO`"),
        (3, type[int], "must be a class|must be a type"),
        (1.5, tuple[int, ...], "must be a sequence"),
        (b"ab", tuple[int, ...], "must be a sequence"),
        (np.zeros(2), tuple[int, ...], "must be a sequence"),
    ],
)
def test_an_argument_of_another_kind_is_told_what_to_be(value, kind, words):
    with pytest.raises(TypeError, match=words):
        check_kind("argument", value, kind)


def test_what_an_annotation_allows_is_let_through():
    check_kind("argument", None, None)
    check_kind("argument", int, type[int])
    check_kind("argument", np.zeros(2), tuple[float | int, ...])
    check_kind("argument", jnp.zeros(2), "a name of another module")


@pytest.mark.parametrize(
    ("check", "words"),
    [
        (lambda: check_number("x", True), "`x` must be a number, got True"),
        (lambda: check_axis("axis", 2, 2), "`axis` must be from 0 to 1"),
        (
            lambda: check_same_shape(x=np.zeros(2), y=np.zeros((2, 1))),
            "`x` and `y` must have the same shape",
        ),
    ],
)
def test_a_check_names_the_argument(check: Any, words: str):
    with pytest.raises((TypeError, ValueError), match=words):
        check()
    assert named_dtype("no dtype") is None


def test_windows_move_to_the_device_and_know_their_size():
    frames = np.zeros((2, 5, 4, 4, 1), np.float32)
    windows = gn.Windows("density:0+", frames, past=2)
    assert windows.nbytes == frames.nbytes
    moved = windows.on_device()
    assert moved.is_on_device
    assert moved.on_device().is_on_device
    placed = windows.on_device(jax.sharding.SingleDeviceSharding(jax.devices()[0]))
    first = np.array([0])
    for held in (moved, placed):
        histories, targets = held.take(first)
        assert isinstance(histories.array, jax.Array)
        assert histories.array.shape == (1, 4, 4, 2)
        assert targets.array.shape == (1, 4, 4, 1)
