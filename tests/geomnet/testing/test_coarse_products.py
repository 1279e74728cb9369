"""Where a backend rounds factors of products, checks still tell right from wrong."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import geomnet as gn
from geomnet._equivariance._products import rounding_of_products
from geomnet.testing import (
    TOLERANCES,
    assert_equivariant,
    certify,
    equivariance_error,
    tolerance_for,
)

from ..equivariance.coarse_products import BFLOAT16, TF32, coarse_products

SQUARE = gn.hyperoctahedral(2)
KEY = jax.random.key(0)
HIGHEST = (jax.lax.Precision.HIGHEST,) * 2


class LowPass(eqx.Module):
    """Right, but with factors that are rounded one way here and another way there:
    waves are taken about a corner, and reflections move cells about the centre.
    """

    group: gn.Group = eqx.field(static=True, default=SQUARE)
    in_signature: str = eqx.field(static=True, default="0+ 1+")

    def __call__(self, image):
        array = image.array
        for axis, side in enumerate(image.grid):
            angle = 2 * np.pi * np.outer(np.arange(3), np.arange(side)) / side
            waves = np.concatenate([np.cos(angle), np.sin(angle)]).astype(np.float32)
            found = jnp.tensordot(waves / side, array, ((1,), (axis,)))
            array = jnp.moveaxis(jnp.tensordot(waves.T, found, ((1,), (0,))), 0, axis)
        return image.with_array(array)


class OneTapOff(eqx.Module):
    """A map behind a filter with one tap that is off by some part of the others."""

    network: Any
    part: float
    group: gn.Group = eqx.field(static=True, default=SQUARE)
    in_signature: str = eqx.field(static=True, default="0+ 1+")

    def __call__(self, image):
        array = image.array + self.part * jnp.roll(image.array, 1, 0)
        return self.network(image.with_array(array))


@pytest.mark.parametrize(
    ("bits", "unit", "part"), [(TF32, 2.0**-11, 0.05), (BFLOAT16, 2.0**-8, 0.1)]
)
def test_fewer_bits_explain_their_own_rounding_and_no_fault(bits, unit, part):
    """Both where products are done in full, as by default, and where they are not."""
    net, x = LowPass(), gn.random_image("0+ 1+", (8, 12), key=KEY)
    before = tolerance_for("float32")
    assert before == TOLERANCES["float32"]
    with coarse_products(bits):
        # Each factor is off by up to half of its last bit.
        assert unit / 8 < rounding_of_products("float32") < 2 * unit
        assert rounding_of_products("float32", HIGHEST) < 1e-6
        # A fixed tolerance would accuse a network that is right.
        assert equivariance_error(net, x) > TOLERANCES["float32"]
        assert equivariance_error(net, x) < tolerance_for("float32") < part
        for precision in ("highest", None):
            assert_equivariant(net, x, precision=precision)
            products = "in full" if precision else "rounded to"
            with pytest.raises(AssertionError, match=f"products {products}"):
                assert_equivariant(OneTapOff(net, part), x, precision=precision)
    assert tolerance_for("float32") == before


def test_a_backend_without_full_products_is_seen_too():
    net, x = LowPass(), gn.random_image("0+ 1+", (8, 12), key=KEY)
    with coarse_products(TF32, obeys=False):
        assert_equivariant(net, x)
        with pytest.raises(AssertionError, match="products rounded to"):
            assert_equivariant(OneTapOff(net, 0.05), x)


def test_only_a_program_with_such_products_is_given_more():
    """By what its own products ask for, whatever JAX is set to."""
    x = gn.random_image("0+ 1+", (4, 6), key=KEY)

    def off(image, precision):
        one = jnp.eye(3, dtype=jnp.float32)
        array = jnp.matmul(image.array, one, precision=precision)
        rank = jnp.arange(image.grid[0], dtype=jnp.float32)[:, None, None]
        return image.with_array(array * (1 + 3e-4 * rank))

    with coarse_products(TF32):
        kept: Any = {"precision": None}
        assert_equivariant(lambda image: off(image, None), x, SQUARE, **kept)
        assert_equivariant(lambda image: off(image, "default"), x, SQUARE)
        for precision in ("highest", "float32"):
            with pytest.raises(AssertionError, match="tolerance 2e-05"):
                assert_equivariant(lambda i: off(i, precision), x, SQUARE, **kept)  # noqa: B023
        with pytest.raises(AssertionError, match="tolerance 2e-05"):
            assert_equivariant(lambda image: off(image, None), x, SQUARE)


def test_a_certificate_says_how_products_were_done():
    layer = gn.nn.Conv(SQUARE, "0+ 1+", "0+ 1+", key=KEY)
    with coarse_products(TF32):
        full = certify(layer, (4, 6), ())
        kept = certify(layer, (4, 6), (), precision=None)
    assert full.passed
    assert kept.passed
    assert full.to_dict()["products"] == "in full"
    assert "products of float32: in full" in str(full)
    assert kept.products == "rounded to 3e-04"
    with pytest.raises(ValueError, match=r"`precision` must be one of .*got 'exact'"):
        certify(layer, (4, 6), (), precision="exact")


def test_a_network_that_enlarges_rounding_is_not_accused_and_one_that_is_off_is():
    """It is measured on the network, where its dtype alone explains 2e-5."""

    def steep(image, part=0.0):
        size = jnp.linalg.norm(image.array, axis=-1, keepdims=True)
        array = image.array * (1 + part * jnp.roll(image.array, 1, 0))
        # The mean is rounded otherwise for the moved image, and a sine of large
        # arguments makes hundreds of that.
        return image.with_array(array * jnp.sin(1000 * size / size.mean()))

    x = gn.random_image("1+", (6, 6), key=KEY)
    assert 2e-5 < equivariance_error(steep, x, SQUARE) < 1e-3
    assert_equivariant(steep, x, SQUARE)
    with pytest.raises(AssertionError, match="does not commute"):
        assert_equivariant(lambda image: steep(image, 0.02), x, SQUARE)
