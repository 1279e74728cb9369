"""What `assert_equivariant` can be given (arrays, states, one value), and what not."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import geomnet as gn
from geomnet.testing import assert_equivariant

from .small_models import SQUARE, gradient, random_array


def test_arrays_with_declared_signatures():
    x = random_array(4, 6, 1)
    assert_equivariant(
        lambda a: gradient(a[..., 0]),
        x,
        SQUARE,
        in_signature="0+",
        out_signature="1+",
        shift=1,
    )
    with pytest.raises(AssertionError, match=r"entry '1-'"):
        assert_equivariant(
            lambda a: gradient(a[..., 0]),
            x,
            SQUARE,
            in_signature="0+",
            out_signature="1-",
        )


def test_channels_first():
    assert_equivariant(
        lambda a: jnp.moveaxis(gradient(a[0]), -1, 0),
        random_array(1, 4, 6),
        SQUARE,
        in_signature="0+",
        out_signature="1+",
        feature_axis=0,
    )


def test_a_numpy_function_runs_without_tracing():
    kinds = []

    def energy(a):
        kinds.append(type(a))
        return np.sum(np.asarray(a, np.float64) ** 2)

    assert_equivariant(
        energy, random_array(4, 6, 2), SQUARE, in_signature="1+", out_signature="0+"
    )
    assert kinds[-1] is np.ndarray


def test_one_vector_for_the_whole_grid():
    def total(a):
        return a.sum(axis=(0, 1))

    arguments: dict[str, Any] = {"in_signature": "1+", "out_signature": "1+"}
    assert_equivariant(total, random_array(4, 6, 2), SQUARE, shift=1, **arguments)
    with pytest.raises(AssertionError, match="does not commute"):
        assert_equivariant(
            lambda a: total(a)[::-1], random_array(4, 6, 2), SQUARE, **arguments
        )


def test_mappings_tuples_and_states():
    def step(state):
        u, v = state["velocity"]
        return {"density": state["density"] * 2, "velocity": (u * 3, v * 3)}

    state = {
        "density": random_array(4, 6),
        "velocity": (random_array(4, 6), random_array(4, 6, seed=1)),
    }
    signature = "density:0+ velocity:1+"
    assert_equivariant(step, state, SQUARE, in_signature=signature)

    def wrong(state):
        u, v = state["velocity"]
        return {"density": state["density"], "velocity": (u, 2 * v)}

    with pytest.raises(AssertionError, match="'velocity:1\\+'"):
        assert_equivariant(wrong, state, SQUARE, in_signature=signature)
    pair = (random_array(4, 6, 1), random_array(4, 6, 2))
    assert_equivariant(lambda t: (t[0] * 2, t[1]), pair, SQUARE, in_signature="0+ 1+")


def test_a_state_module_keeps_its_class_and_its_other_fields():
    class State(eqx.Module):
        density: jax.Array
        velocity: tuple
        time: jax.Array

    def step(state):
        assert isinstance(state, State)
        return State(state.density, tuple(-u for u in state.velocity), state.time + 1)

    state = State(
        jnp.asarray(random_array(4, 6)),
        (jnp.ones((4, 6)), jnp.zeros((4, 6))),
        jnp.zeros(()),
    )
    assert_equivariant(step, state, SQUARE, in_signature="density:0+ velocity:1+")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"group": None}, "`group` is not given"),
        ({"group": gn.hyperoctahedral(3)}, "must have shape"),
        ({"in_signature": None}, "`in_signature` is needed"),
        ({"in_signature": "2x0+"}, "`feature_axis` says"),
        ({"elements": 0}, "`elements` must be 1 or more"),
    ],
)
def test_wrong_arguments_say_what_to_do(arguments, message):
    given: dict[str, Any] = {"group": SQUARE, "in_signature": "0+", **arguments}
    with pytest.raises(ValueError, match=message):
        assert_equivariant(lambda a: a, random_array(4, 4, 1), **given)


@pytest.mark.parametrize(
    ("x", "signature", "message"),
    [
        (
            gn.GeometricImage("0+", random_array(4, 4, 1), 2),
            "1+",
            r"`in_signature` is '1\+', the image has '0\+'. Leave it out",
        ),
        (
            (random_array(4, 4, 1),),
            "0+ 1+",
            r"A tuple of '0\+ 1\+' must hold 2 arrays, one for each entry, got 1",
        ),
        (
            {"a": random_array(4, 4)},
            "a:0+ 1+",
            r"unnamed entries \(1\+\), so they can't be found in dict: name them",
        ),
        ({"a": random_array(4, 4)}, "a:0+ b:0+", "dict has no 'b', which 'a:0"),
    ],
)
def test_what_does_not_hold_its_signature_says_what_it_lacks(x, signature, message):
    with pytest.raises(ValueError, match=rf"`x` is no '.*': .*{message}"):
        assert_equivariant(lambda a: a, x, SQUARE, in_signature=signature)


def test_images_and_groups_are_of_one_dimension():
    x = gn.GeometricImage("0+", random_array(4, 4, 1), 2)
    with pytest.raises(ValueError, match=r"`x` has 2 spatial dimensions.*of 2 dimens"):
        assert_equivariant(lambda image: image, x, gn.hyperoctahedral(3))


def test_what_is_given_holds_the_signature_too():
    arguments: dict[str, Any] = {"in_signature": "0+", "out_signature": "1+"}
    with pytest.raises(ValueError, match=r"gives is no '1\+': .* say so in `out_sig"):
        assert_equivariant(lambda a: a, random_array(4, 4, 1), SQUARE, **arguments)


def test_a_result_whose_grid_stays_where_it_is_is_refused():
    def first_rows(image):
        return image.with_array(image.array[:2, :3])

    x = gn.GeometricImage("0+", random_array(4, 6, 1), 2)
    with pytest.raises(ValueError, match="the grid is not moved with the image"):
        assert_equivariant(first_rows, x, SQUARE)


def test_integers_are_compared_exactly():
    """No rounding explains a difference, and no sum that cancels hides one."""
    x = np.arange(16, dtype=np.int32).reshape(4, 4, 1) - 8
    arguments: dict[str, Any] = {"in_signature": "0+"}
    assert_equivariant(np.abs, x, SQUARE, **arguments)

    def off(a):
        return 10**6 * np.abs(a) + np.arange(4)[:, None, None]

    with pytest.raises(AssertionError, match=r"\(tolerance 0e\+00"):
        assert_equivariant(off, x, SQUARE, **arguments)


def test_an_image_to_something_else_needs_a_signature():
    x = gn.GeometricImage("0+", random_array(4, 4, 1), 2)
    with pytest.raises(TypeError, match="must give a GeometricImage"):
        assert_equivariant(lambda v: v.array, x, SQUARE)
    assert_equivariant(lambda v: v.array, x, SQUARE, out_signature="0+")


def test_one_scalar_needs_no_axis_for_features():
    def square_of_gradient(s):
        return jnp.square(gradient(s)).sum(-1)

    assert_equivariant(
        square_of_gradient, random_array(4, 6), SQUARE, in_signature="0+"
    )
    with pytest.raises(AssertionError, match="'0-'"):
        assert_equivariant(
            square_of_gradient,
            random_array(4, 6),
            SQUARE,
            in_signature="0+",
            out_signature="0-",
        )


def test_a_function_made_for_one_grid_says_so():
    weights = jnp.ones((4, 6, 1))
    arguments: dict[str, Any] = {"in_signature": "0+"}
    with pytest.raises(ValueError, match=r"not g·x on \(6, 4\).*exchanges no axes"):
        assert_equivariant(
            lambda a: a * weights, random_array(4, 6, 1), SQUARE, **arguments
        )
    assert_equivariant(
        lambda a: a * weights, random_array(4, 6, 1), gn.reflections(2), **arguments
    )
