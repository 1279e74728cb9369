"""Models that check themselves inside compiled programs."""

import copy
import pickle

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental import checkify

import geomnet as gn
from geomnet.testing import checkify_error, print_error, self_checking

from .small_models import SQUARE, Pair, Shift


class Scale(eqx.Module):
    factor: jax.Array

    def __call__(self, image):
        return image.with_array(image.array * self.factor)


@pytest.fixture
def image():
    array = np.random.default_rng(0).normal(size=(4, 4, 3)).astype(np.float32)
    return gn.GeometricImage("0+ 1+", array)


def test_a_correct_model_is_unchanged_inside_grad_scan_and_vmap(image):
    model = Pair(Scale(jnp.asarray(0.5)), Scale(jnp.asarray(2.0)))

    def loss(model, image):
        def step(x, _):
            return model(x), None

        last = jax.lax.scan(step, image, length=2)[0]
        return jnp.sum(jnp.square(last.array))

    plain = eqx.filter_jit(eqx.filter_value_and_grad(loss))(model, image)
    checked = eqx.filter_jit(eqx.filter_value_and_grad(loss))(
        self_checking(model, SQUARE), image
    )
    np.testing.assert_allclose(checked[0], plain[0], rtol=1e-6)
    # The numbers of the model exist once, so the gradients are the same.
    for a, b in zip(*map(jax.tree.leaves, (checked[1], plain[1])), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
    batch = gn.GeometricImage("0+ 1+", jnp.stack([image.array, image.array]))
    assert jax.vmap(self_checking(model, SQUARE))(batch).array.shape == (2, 4, 4, 3)


def test_the_guilty_layer_stops_a_compiled_program(image):
    model = self_checking(Pair(Scale(jnp.asarray(0.5)), Shift()), SQUARE)
    with pytest.raises(eqx.EquinoxRuntimeError, match="`second` does not commute"):
        eqx.filter_jit(lambda m, x: m(x))(model, image).array.block_until_ready()


def test_checkify_states_the_error(image):
    model = self_checking(
        Pair(Shift(), Scale(jnp.asarray(1.0))), SQUARE, on_error=checkify_error
    )
    error, _ = jax.jit(checkify.checkify(lambda x: model(x).array))(image)
    message = error.get()
    assert message is not None
    assert "`first` does not commute with its group: relative error" in message
    good = self_checking(Scale(jnp.asarray(1.0)), SQUARE, on_error=checkify_error)
    assert jax.jit(checkify.checkify(lambda x: good(x).array))(image)[0].get() is None


def test_errors_can_be_printed(image, capfd):
    model = self_checking(
        Pair(Shift(), Scale(jnp.asarray(1.0))), SQUARE, on_error=print_error
    )
    eqx.filter_jit(lambda m, x: m(x))(model, image)
    jax.effects_barrier()
    lines = dict(line.split(": ") for line in capfd.readouterr().out.splitlines())
    assert float(lines["first"]) > 0.1
    assert float(lines["second"]) < 1e-5
    assert float(lines["Pair"]) > 0.1


def test_attributes_and_nan(image):
    net = gn.nn.Gate(SQUARE, "0+ 1+", key=jax.random.key(0))
    checked = self_checking(net)
    assert checked.signature == net.signature
    bad = image.with_array(image.array * jnp.nan)
    with pytest.raises(eqx.EquinoxRuntimeError, match="does not commute"):
        eqx.filter_jit(lambda m, x: m(x))(checked, bad).array.block_until_ready()


def test_a_copy_checks_too_and_a_half_made_one_has_no_attributes():
    net = gn.nn.Gate(SQUARE, "0+ 1+", key=jax.random.key(0))
    checked = self_checking(net)
    for again in (copy.deepcopy(checked), pickle.loads(pickle.dumps(checked))):
        assert type(again) is type(checked)
        assert again.signature == net.signature
    # As while it is unflattened: what is missing must not be looked for in itself.
    unmade = object.__new__(type(checked))
    with pytest.raises(AttributeError):
        _ = unmade.signature
