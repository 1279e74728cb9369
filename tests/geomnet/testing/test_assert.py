"""`assert_equivariant` for models and functions, and what its message says."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import geomnet as gn
from geomnet.testing import (
    assert_equivariant,
    certify,
    equivariance_errors,
    first_guilty_layer,
)

from .small_models import SQUARE, Gradient, Pair, Shift, random_array


def test_a_batch_names_the_sample():
    xs = gn.GeometricImage("0+", random_array(3, 4, 6, 1), 2)
    assert_equivariant(jax.vmap(Gradient()), xs, SQUARE)

    def third_is_wrong(image):
        array = image.array.at[2].set(jnp.roll(image.array[2], 1, 0))
        return image.with_array(array)

    with pytest.raises(AssertionError, match=r"of sample \(2,\)"):
        assert_equivariant(third_is_wrong, xs, SQUARE)
    with pytest.raises(AssertionError, match=r"`second` \(Shift\)"):
        assert_equivariant(jax.vmap(Pair(Gradient(), Shift())), xs, SQUARE)


def test_the_message_has_all_parts():
    x = gn.GeometricImage("0+", random_array(4, 6, 1), 2)
    with pytest.raises(AssertionError) as failure:
        assert_equivariant(Pair(Gradient(), Shift()), x, SQUARE)
    text = str(failure.value)
    for part in (
        "Pair does not commute with hyperoctahedral(2)",
        "g = [[",
        "relative error is",
        "tolerance 2e-05",
        "entry '1+'",
        "at cell (",
        "First guilty layer: `second` (Shift), called at small_models.py:",
        "what it is given is exactly right",
    ):
        assert part in text


def test_code_between_layers_is_blamed_on_the_parent():
    class Swaps(eqx.Module):
        first: Any
        second: Any
        after: bool = eqx.field(static=True)

        def __call__(self, image):
            def swap(v):
                return v.with_array(v.array[..., ::-1])

            image = self.first(image)
            if self.after:
                return swap(self.second(image))
            return self.second(swap(image))

    class Nothing(eqx.Module):
        def __call__(self, image):
            return image

    x = gn.GeometricImage("0+", random_array(4, 6, 1), 2)
    inner = Swaps(Gradient(), Nothing(), False)
    with pytest.raises(
        AssertionError, match=r"`Swaps`, in its own code before it call"
    ):
        assert_equivariant(inner, x, SQUARE)
    with pytest.raises(AssertionError, match=r"\(Swaps\), in its own code after it"):
        assert_equivariant(Swaps(Gradient(), Nothing(), True), x, SQUARE)
    with pytest.raises(AssertionError, match="layer: `second`, in its own code before"):
        assert_equivariant(Pair(Nothing(), inner), x, SQUARE)


def test_layers_inside_a_function_a_jit_or_a_loop_are_found():
    x = gn.GeometricImage("1+", random_array(4, 4, 2))
    shift, same = Shift(), eqx.nn.Identity()
    pair = Pair(same, shift)
    with pytest.raises(AssertionError, match=r"`pair.second` \(Shift\)"):
        assert_equivariant(lambda image: pair(image) * 2.0, x, SQUARE)
    with pytest.raises(AssertionError, match=r"`second` \(Shift\)"):
        assert_equivariant(eqx.filter_jit(pair), x, SQUARE)

    class Loop(eqx.Module):
        layer: Any

        def __call__(self, image):
            return jax.lax.scan(lambda c, _: (self.layer(c), None), image, length=2)[0]

    # A value inside a loop can't be looked at: the layer around it is named.
    with pytest.raises(AssertionError, match=r"`second` \(Loop\)"):
        assert_equivariant(Pair(same, Loop(shift)), x, SQUARE)
    with pytest.raises(AssertionError, match="components or channels are mixed up"):
        assert_equivariant(lambda v: v.with_array(v.array[..., ::-1]), x, SQUARE)


def _rectified(a):
    return jnp.maximum(a, 0)


def test_the_line_of_a_plain_function_is_found():
    x = random_array(2, 6, 8, 2)

    def by_components(a):
        u, v = a[..., 0], a[..., 1]
        u = u / (1 + jnp.abs(u))
        # Half done here: u is bounded, v is not yet.
        v = v / (1 + jnp.abs(v))
        w = jnp.stack([u, v], axis=-1)
        return 2 * _rectified(w) + w

    line = _rectified.__code__.co_firstlineno + 1
    with pytest.raises(AssertionError) as failure:
        assert_equivariant(by_components, x, SQUARE, in_signature="1+")
    text = str(failure.value)
    assert f"First guilty line: test_assert.py:{line}" in text, text
    assert "of sample (" in text

    def padded(a):
        a = 0.5 * a
        rows = jnp.pad(a, ((0, 0), (1, 1), (0, 0), (0, 0)))
        return rows[:, 2:] + rows[:, :-2]

    line = padded.__code__.co_firstlineno + 3
    with pytest.raises(
        AssertionError, match=f"guilty line: test_assert.py:{line}, rig"
    ):
        assert_equivariant(padded, x, gn.trivial(2), in_signature="1+", shift=1)

    def in_numpy(a):
        return np.maximum(a, 0)

    with pytest.raises(AssertionError, match="JAX can't trace it"):
        assert_equivariant(in_numpy, x, SQUARE, in_signature="1+")


def test_a_callable_without_a_hash_is_checked():
    class Network:
        __hash__ = None  # type: ignore[assignment]

        def __call__(self, a):
            return _rectified(a)

    with pytest.raises(AssertionError, match=r"Network does not commute.*guilty line"):
        assert_equivariant(Network(), random_array(4, 6, 2), SQUARE, in_signature="1+")


def test_an_error_of_the_size_of_a_lower_precision_says_so():
    def low(a):
        rounded = np.asarray(a).astype(np.float16)
        ranks = np.arange(4, dtype=np.float16)[:, None, None]
        return (rounded * (1 + ranks * np.float16(1e-3))).astype(np.float32)

    with pytest.raises(AssertionError, match="no larger than that of float16"):
        assert_equivariant(low, random_array(4, 4, 1), SQUARE, in_signature="0+")


def test_a_plain_equinox_network_is_located_by_norms():
    conv = eqx.nn.Conv2d(2, 2, 3, padding="SAME", key=jax.random.key(0))
    net = eqx.nn.Sequential([eqx.nn.Lambda(lambda x: 2 * x), conv])
    with pytest.raises(AssertionError, match=r"`layers\[1\]` \(Conv2d\)"):
        assert_equivariant(
            net,
            jnp.asarray(random_array(2, 4, 4)),
            SQUARE,
            in_signature="1+",
            feature_axis=0,
        )


def test_a_sample_of_a_large_group_is_stated():
    cube = gn.hyperoctahedral(3)
    x = random_array(2, 3, 4, 3)
    assert len(equivariance_errors(np.sin, x, cube, in_signature="1+", elements=6)) == 6
    with pytest.raises(AssertionError, match=r"\(6 of 48 elements checked\)"):
        assert_equivariant(np.abs, x, cube, in_signature="1+", elements=6)


def test_an_imaginary_part_counts():
    u = np.random.default_rng(0).normal(size=(3, 4, 2)).astype(np.float32)
    turned = lambda u: np.asarray(u) * (1 + 1j)  # noqa: E731
    assert_equivariant(turned, u, SQUARE, in_signature="1+")
    broken = lambda u: np.asarray(u) * np.array([1, 1 + 1j])  # noqa: E731
    with pytest.raises(AssertionError, match="does not commute"):
        assert_equivariant(broken, u, SQUARE, in_signature="1+")


def test_nan_fails():
    x = random_array(4, 4, 1)
    with pytest.raises(AssertionError, match="NaN"):
        assert_equivariant(lambda a: a / 0, x, SQUARE, in_signature="0+")

    def bad(a):
        return jnp.where(a[0, 0, 0] == x[0, 0, 0], a, jnp.nan)

    with pytest.raises(AssertionError, match="relative error is nan"):
        assert_equivariant(bad, x, SQUARE, in_signature="0+")


def test_depth_raises_the_tolerance_only_where_it_must():
    class Deep(eqx.Module):
        length: int = eqx.field(static=True)

        def __call__(self, image):
            def body(a, _):
                return a @ jnp.eye(1), None

            array = jax.lax.scan(body, image.array, length=self.length)[0]
            # Off by more than a shallow program may be.
            rank = jnp.arange(4, dtype=jnp.float32)[:, None, None]
            return image.with_array(array * (1 + 1e-5 * rank))

    x = gn.GeometricImage("0+", np.ones((4, 4, 1), np.float32), 2)
    assert_equivariant(Deep(320), x, SQUARE)
    with pytest.raises(AssertionError, match="tolerance 2e-05"):
        assert_equivariant(Deep(1), x, SQUARE)


def test_first_guilty_layer_is_a_sentence():
    x = gn.GeometricImage("0+", random_array(4, 4, 1), 2)
    sentence = first_guilty_layer(
        Pair(Gradient(), Shift()), x, -SQUARE.elements[0], 1e-5
    )
    assert sentence.startswith("First guilty layer: `second` (Shift)")


def test_arrays_inside_a_model_of_images_may_have_channels_first():
    class Net(eqx.Module):
        conv: eqx.nn.Conv2d

        def __call__(self, image):
            first = jnp.moveaxis(image.array, -1, 0)
            return image.with_array(jnp.moveaxis(self.conv(first), 0, -1))

    net = Net(eqx.nn.Conv2d(2, 2, 3, padding="SAME", key=jax.random.key(0)))
    x = gn.GeometricImage("1+", random_array(4, 6, 2))
    with pytest.raises(AssertionError, match=r"First guilty layer: `conv` \(Conv2d\)"):
        assert_equivariant(net, x, SQUARE)


def test_a_layer_states_what_it_commutes_with_on_a_grid():
    class Halves(eqx.Module):
        """Means along the last axis where it is long: there axes are not exchanged."""

        layers: tuple
        group: gn.Group = eqx.field(static=True, default=SQUARE)
        signature: str = eqx.field(static=True, default="0+")

        def equivariant_under(self, grid):
            return SQUARE if grid[0] == grid[1] else gn.reflections(2)

        def __call__(self, image):
            a = self.layers[0](image).array
            if image.grid[1] > image.grid[0]:
                a = 0.5 * (jnp.roll(a, 1, 1) + jnp.roll(a, -1, 1))
            return image.with_array(a)

    layer = Halves((eqx.nn.Identity(),))
    for grid in ((4, 4), (4, 6)):
        assert_equivariant(layer, gn.GeometricImage("0+", random_array(*grid, 1)))
    with pytest.raises(AssertionError, match="hyperoctahedral"):
        assert_equivariant(
            layer, gn.GeometricImage("0+", random_array(4, 6, 1)), SQUARE
        )
    assert [len(c.errors) for c in certify(layer, (4, 4), ()).checks] == [8, 4]
