"""Modules of one's own in wrappers, and what compiles a network."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import geomnet as gn

SQUARE = gn.hyperoctahedral(2)


class Halved(eqx.Module):
    """A module of one's own that says nothing of itself."""

    factor: Any

    def __call__(self, image):
        return image.with_array(image.array * self.factor)


def test_a_change_by_a_module_that_says_nothing_is_given_what_it_lacks():
    image = gn.random_image("0+ 1+", (4, 4), key=jax.random.key(0))
    inside = Halved(jnp.asarray(0.5))
    with pytest.raises(TypeError, match=r"must have `group`.*Give it, as in.*Abstract"):
        gn.Residual(inside)
    with pytest.raises(TypeError, match="must have `out_signature`"):
        gn.Residual(inside, group=SQUARE, in_signature="0+ 1+")
    step = gn.Residual(
        inside, group=SQUARE, in_signature="0+ 1+", out_signature="0+ 1+"
    )
    np.testing.assert_allclose(step(image).array, 1.5 * image.array, rtol=1e-6)
    gn.testing.assert_equivariant(step, image)
    assert step.group == SQUARE
    assert step.translation_steps((4, 4)) == (0, 0)
    gradient = eqx.filter_grad(lambda m: m(image).array.sum())(step)
    assert jax.tree.leaves(gradient)
    says = gn.nn.Gate(SQUARE, "1+", key=jax.random.key(0))
    wrapped = gn.Residual(says, in_signature="1+", out_signature="1+")
    assert wrapped.translation_steps((4, 4)) == (1, 1)
    with pytest.raises(ValueError, match=r"`group` is rotations\(2\), but"):
        gn.Residual(says, group=gn.rotations(2), in_signature="1+", out_signature="1+")


def test_jit_of_a_network_names_what_compiles_it():
    layer = gn.nn.Linear(SQUARE, "0+", "0+", key=jax.random.key(0))
    image = gn.random_image("0+", (4, 4), key=jax.random.key(0))
    with pytest.raises(TypeError, match=r"Linear holds arrays.*equinox.filter_jit"):
        jax.jit(layer)(image)
    eqx.filter_jit(layer)(image)
    # What has no arrays has a hash, as before.
    jax.jit(gn.nn.AveragePool(SQUARE, "0+"))(image)


@pytest.mark.usefixtures("no_type_checks")
def test_what_can_not_be_called_is_no_module():
    number: Any = 3
    with pytest.raises(TypeError, match="`model` must be a module of images, got 3"):
        gn.Residual(number)
