"""Kernels are made of their coefficients once in a train step and not once per use."""

import collections

import equinox as eqx
import jax
import jax.numpy as jnp
import pytest

import geomnet as gn
from geomnet.nn._execution import Form, _convolution
from geomnet.nn._execution._assembly import Coefficients, Matrices

FIELDS = gn.Signature("2x0+ 2x1+")
BATCH = 3


@pytest.fixture(autouse=True)
def dense(monkeypatch):
    """Convolutions as an accelerator does them."""
    monkeypatch.setattr(_convolution, "chosen_form", lambda *_: Form.DENSE)


def equations(jaxpr):
    for equation in jaxpr.eqns:
        yield equation
        for value in equation.params.values():
            inner = getattr(value, "jaxpr", value)
            if hasattr(inner, "eqns"):
                yield from equations(inner)


def assemblies(program, *given):
    """How often each direction of the assembly runs, by the shape of its coefficients:
    with a leading axis they would be assembled for each sample.
    """
    found = collections.Counter()
    for equation in equations(jax.make_jaxpr(program)(*given).jaxpr):
        linear = equation.params.get("linear")
        if isinstance(linear, Matrices):
            found["forward", equation.invars[0].aval.ndim] += 1
        elif isinstance(linear, Coefficients):
            found["back", equation.outvars[0].aval.ndim] += 1
    return dict(found)


def convolution(num_uses=1):
    """Coefficients, samples, and a loss of them that uses one kernel so often."""
    key = jax.random.key(0)
    conv = gn.nn.Conv(gn.hyperoctahedral(2), FIELDS, FIELDS, use_bias=False, key=key)
    weights, rest = eqx.partition(conv, eqx.is_inexact_array)

    def loss(weights, samples):
        def one(sample):
            image = gn.GeometricImage(FIELDS, sample, 2)
            for _ in range(num_uses):
                image = eqx.combine(weights, rest)(image)
            return image.array

        return jnp.sum(jax.vmap(one)(samples) ** 2)

    return weights, jnp.zeros((BATCH, 4, 4, 6)), loss


def test_a_batch_shares_one_kernel_on_both_ways():
    weights, samples, loss = convolution()
    assert assemblies(jax.grad(loss), weights, samples) == {
        ("forward", 1): 1,
        ("back", 1): 1,
    }


def test_weights_for_each_sample_would_be_seen():
    weights, samples, loss = convolution()
    each = jax.tree.map(lambda w: jnp.stack([w] * BATCH), weights)
    found = assemblies(jax.vmap(jax.grad(loss), (0, None)), each, samples)
    assert found == {("forward", 2): 1, ("back", 2): 1}


def gathers(program, *given):
    text = jax.jit(program).lower(*given).compile().as_text()
    assert text is not None
    return text.count(" gather(")


def test_steps_share_one_kernel_in_the_compiled_program():
    """XLA merges equal assemblies. Of their gradients it does not."""
    weights, samples, loss = convolution(3)
    _, _, loss_of_one = convolution()
    once = gathers(loss_of_one, weights, samples)
    assert 0 < gathers(loss, weights, samples) == once

    def of_two_kernels(weights, other, samples):
        return loss_of_one(weights, samples) + loss_of_one(other, samples)

    other = jax.tree.map(lambda w: w + 1, weights)
    assert gathers(of_two_kernels, weights, other, samples) > once
