"""The first guilty layer: of batches, in functions, and where none can be told."""

import functools
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import geomnet as gn
from geomnet.testing import assert_equivariant, certify, first_guilty_layer

from .small_models import SQUARE, Gradient, Pair, Shift, random_array

SWAP = np.array([[0, 1], [1, 0]])
LINE = gn.hyperoctahedral(1)


class Nothing(eqx.Module):
    def __call__(self, image):
        return image


class Halve(eqx.Module):
    """Means of pairs along a line."""

    def __call__(self, image):
        pairs = image.array.reshape(-1, 2, 1)
        return image.with_array(pairs.mean(axis=1))


class Repeat(eqx.Module):
    def __call__(self, image):
        return image.with_array(jnp.repeat(image.array, 2, axis=0))


def message(f, x, group=SQUARE, **arguments: Any) -> str:
    with pytest.raises(AssertionError) as failure:
        assert_equivariant(f, x, group, **arguments)
    return str(failure.value)


@pytest.mark.parametrize(
    ("axis", "features"), [(1, 1), (0, 0), (-3, 1)], ids=["behind", "in front", "-3"]
)
def test_a_batch_of_arrays_with_features_at_any_axis_is_located(axis, features):
    conv = eqx.nn.Conv2d(2, 2, 3, padding="SAME", key=jax.random.key(0))
    net = eqx.nn.Sequential([eqx.nn.Lambda(lambda x: 2 * x), conv])
    f = jax.vmap(net, in_axes=1 - features, out_axes=1 - features)
    x = np.moveaxis(random_array(3, 4, 4, 2), -1, features)
    text = message(f, x, in_signature="1+", feature_axis=axis)
    assert "First guilty layer: `layers[1]` (Conv2d)" in text
    assert "of sample (" in text


def test_the_layer_of_a_batch_is_that_of_one_of_its_samples():
    xs = gn.GeometricImage("0+", random_array(3, 4, 4, 1), 2)
    sentence = first_guilty_layer(jax.vmap(Pair(Gradient(), Shift())), xs, SWAP, 1e-5)
    assert sentence.startswith("First guilty layer: `second` (Shift)")


def test_a_layer_that_is_made_for_one_grid_is_said_to_refuse():
    weights = jnp.ones((4, 6, 1))
    x = gn.GeometricImage("0+", random_array(4, 6, 1), 2)
    layer = eqx.nn.Lambda(lambda image: image.with_array(image.array * weights))
    sentence = first_guilty_layer(Pair(Nothing(), layer), x, SWAP, 1e-5)
    assert sentence.startswith("A layer refuses the moved image: TypeError: ")
    # A reflection keeps the grid, and nothing is wrong.
    turned = first_guilty_layer(Pair(Nothing(), layer), x, -np.eye(2, dtype=int), 1e-5)
    assert turned.startswith("Each layer gives what it should")


def test_arguments_that_are_bound_outside_are_no_refusal():
    def scaled(weights, image):
        return image.with_array(image.array * weights)

    x = gn.GeometricImage("0+", random_array(4, 4, 1), 2)
    rows = jnp.arange(4.0)[:, None, None]
    text = message(functools.partial(scaled, rows), x)
    line = scaled.__code__.co_firstlineno + 1
    assert f"First guilty line: test_guilty_layer.py:{line}" in text
    assert "refuses" not in text


def test_another_way_through_the_layers_is_said():
    class Chooses(eqx.Module):
        first: Any
        second: Any

        def __call__(self, image):
            wide = image.grid[1] > image.grid[0]
            return self.second(image) if wide else self.first(image)

    x = gn.GeometricImage("0+", random_array(4, 6, 1), 2)
    text = message(Chooses(Nothing(), Shift()), x)
    assert "It takes another way through its layers for the moved image." in text


def test_right_layers_in_a_wrong_function_point_behind_the_last():
    gradient = Gradient()

    def swapped(image):
        slope = gradient(image)
        return slope.with_array(slope.array[..., ::-1])

    text = message(swapped, gn.GeometricImage("0+", random_array(4, 4, 1), 2))
    assert "look at what is done with the result of `gradient` (Gradient)." in text


def test_layers_without_a_grid_leave_the_lines_to_be_compared():
    double = eqx.nn.Lambda(lambda weights: 2 * weights)

    def weighted(a):
        return a * double(jnp.arange(15.0).reshape(5, 3))[:4, :1, None]

    text = message(weighted, random_array(4, 4, 1), in_signature="0+")
    line = weighted.__code__.co_firstlineno + 1
    assert f"First guilty line: test_guilty_layer.py:{line}" in text

    class Weighted(eqx.Module):
        weights: Any

        def __call__(self, image):
            return image.with_array(image.array * self.weights(jnp.ones(5))[0])

    # In a certificate they do not appear, and those around them do.
    model = Weighted(double)
    x = certify(model, (4,), "float32", group=LINE, in_signature="0+").checks[0]
    assert [layer.path for layer in x.layers] == ["Weighted"]


def test_a_shift_by_a_part_of_a_coarse_cell_is_not_said_to_be_right():
    """The output moves by whole cells, what is inside by half of one."""
    x = gn.GeometricImage("0+", random_array(8, 1), 1)
    net = Pair(Halve(), Repeat())
    assert_equivariant(net, x, LINE, shift=2)
    text = message(net, x, LINE, shift=1)
    assert "does not commute with translations" in text
    assert "First guilty layer: `second` (Repeat)" in text
    assert "while what it is given can't be compared." in text


def test_a_result_on_another_grid_is_wrong_without_bound():
    class Crop(eqx.Module):
        def __call__(self, image):
            return image.with_array(image.array[:4])

    class Corner(eqx.Module):
        def __call__(self, image):
            return image.with_array(image.array[:1, :1])

    x = gn.GeometricImage("0+", random_array(4, 6, 1), 2)
    text = message(Pair(Crop(), Corner()), x)
    assert "First guilty layer: `first` (Crop)" in text
    assert "relative error inf, while what it is given is exactly right." in text


def test_an_average_that_cancels_is_rounding_and_says_so():
    """For one image and for a batch."""
    weights = np.random.default_rng(0).normal(size=(4, 4, 1)).astype(np.float32)
    image = gn.GeometricImage("0+", weights, 2)
    mean = sum(np.asarray(gn.act(g, image).array) for g in SQUARE.elements) / 8
    left = jnp.asarray(1000 * (weights - mean))
    average = gn.GroupAverage(lambda x: x.with_array(x.array * left), SQUARE)
    single = gn.GeometricImage("0+", random_array(4, 4, 1), 2)
    batch = gn.GeometricImage("0+", random_array(2, 4, 4, 1), 2)
    for f, x in ((average, single), (jax.vmap(average), batch)):
        text = message(f, x)
        assert "The average is rounding" in text
        assert "no part that commutes with hyperoctahedral(2)" in text
    # One that leaves something, of a model that is another for each g, is not rounding.
    random = np.random.default_rng(0)
    drawn = gn.GroupAverage(
        lambda x: x.with_array(x.array * random.normal(size=(4, 4, 1)).astype("f4")),
        SQUARE,
    )
    assert drawn.share(single) > 0.1
    assert "rounding" not in message(drawn, single)


def test_a_layer_that_enlarges_rounding_is_told_where_to_look():
    """The layer before is right up to rounding, and this one makes more of it."""

    class Uneven(eqx.Module):
        part: float

        def __call__(self, a):
            return a * (1 + self.part * jnp.arange(4.0)[:, None])

    net = Pair(Uneven(1e-6), Uneven(1e-3))
    text = message(net, random_array(4, 1), LINE, in_signature="0+")
    assert "First guilty layer: `second` (Uneven)" in text
    assert "given is right to " in text
    assert "it enlarges the rounding of the layers before" in text


def test_a_cast_to_fewer_bits_is_named_beside_the_layer():
    class Low(eqx.Module):
        def __call__(self, a):
            low = a.astype(jnp.bfloat16) * jnp.linspace(1, 1.5, 4, dtype="bfloat16")
            return low.astype(jnp.float32)

    text = message(
        lambda a: Low()(a[:, 0]), random_array(4, 1), LINE, in_signature="0+"
    )
    line = Low.__call__.__code__.co_firstlineno + 1
    words = f"float32 -> bfloat16 at test_guilty_layer.py:{line}"
    assert f"It computes with fewer bits inside: {words}" in text
