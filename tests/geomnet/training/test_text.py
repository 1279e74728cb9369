"""Values as text: equal exactly if they are, without addresses, in every process."""

import functools
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import geomnet as gn
from geomnet.training._text import (
    arguments_within,
    function_lines,
    static_lines,
    text_of,
)

SQUARE = gn.hyperoctahedral(2)


def scaled(weight, batch):
    return weight * batch


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.float32(0.5), "0.5"),
        (np.int64(3), "3"),
        ("0.5", "'0.5'"),
        (None, "None"),
        (gn.Signature("s:0+ v:1+"), "'s:0+ v:1+'"),
        (SQUARE, "hyperoctahedral(2)"),
        (gn.nn.Boundary.SLIP, "SLIP"),
        ((1, [2.0, "a"]), "(1, (2.0, 'a'))"),
        ({"b", "a"}, "{'a', 'b'}"),
        ({"b": 1, "a": (2,)}, "{'a': (2), 'b': 1}"),
        (functools.partial(scaled, 2, batch=3), "partial(scaled, (2), {'batch': 3})"),
        (gn.nn.Conv, "Conv"),
        (scaled, "scaled"),
    ],
)
def test_values_of_each_kind_are_written_alike_in_every_process(value, text):
    assert text_of(value) == text


def test_what_has_an_address_is_written_without():
    class Plain:
        pass

    assert text_of(Plain()) == text_of(Plain())
    assert " at 0x" not in text_of(Plain())


def test_arrays_are_told_by_type_shape_and_numbers():
    array = np.arange(6, dtype=np.float32)
    text = text_of(array)
    assert text.startswith("float32[6] ")
    assert text_of(jnp.asarray(array)) == text
    others = (array + 1, array.astype(np.float64), array.reshape(2, 3))
    assert len({text, *map(text_of, others)}) == 4


def test_what_holds_itself_comes_to_an_end():
    loop: list[Any] = []
    loop.append(loop)
    assert text_of(loop).strip("()") == "..."
    # And so does a function that has closed over it.
    assert all(text for text in function_lines(lambda: loop, "f", lists=True).values())


def test_a_setting_that_is_an_array_or_a_set_belongs_to_the_model():
    class Layer(eqx.Module):
        weight: Any
        setting: Any = eqx.field(static=True)

    def lines(setting):
        return static_lines(Layer(jnp.ones(2), setting))

    assert lines(frozenset("ab"))[".setting"] == "{'a', 'b'}"
    assert lines(("a", 1)) != lines(("a", 2))
    assert ".weight" not in lines(1)


def test_numbers_that_are_bound_to_a_loss_are_seen():
    def found(weight) -> dict[str, str]:
        return function_lines(functools.partial(scaled, weight, batch=1.0), "loss")

    assert found(2.0)["loss.arguments[0][0]"] == "2.0"
    assert found(2.0)["loss.arguments[1]['batch']"] == "1.0"
    assert found(2.0) != found(3.0)
    # Alike from NumPy and JAX, of which optax makes arrays.
    assert found(2.0) == found(jnp.asarray(2.0)) == found(np.array(2.0))
    assert arguments_within(functools.partial(scaled, 2.0)) == {"weight", "batch"}


def test_a_method_has_what_its_object_holds():
    class Weighted:
        def __init__(self, weight: float):
            self.weight = weight

        def loss(self, model, batch, *, power: float = 2.0):
            return self.weight * batch**power

    lines = function_lines(Weighted(0.5).loss, "loss")
    assert lines["loss.self['weight']"] == "0.5"
    assert lines["loss.power"] == "2.0"
    assert lines != function_lines(Weighted(0.6).loss, "loss")


def test_optimisers_differ_by_their_numbers():
    def lines(make: Callable[..., Any], *numbers: float) -> dict[str, str]:
        return function_lines(make(*numbers).update, "update", lists=True)

    assert lines(optax.sgd, 0.1) == lines(optax.sgd, 0.1)
    assert lines(optax.sgd, 0.1) != lines(optax.sgd, 0.2)
