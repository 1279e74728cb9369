"""What constructors make of no dtype has that of JAX, and not the weak one of a number.

A step gives arrays of a type of their own for weak ones, so a program that was compiled
for the first state would be compiled again for the second one.
"""

import importlib
import inspect
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import pytest

from .rows_of_networks import ROWS


def made(name: str) -> Any:
    module, _, call = name.rpartition(".")
    return getattr(importlib.import_module(module), call)


MODULES = [name for name in ROWS if inspect.isclass(made(name))]


def weak_leaves(tree: Any) -> list[str]:
    return [
        jax.tree_util.keystr(path)
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
        if getattr(leaf, "weak_type", False)
    ]


@pytest.mark.parametrize("name", MODULES)
def test_weights_are_of_no_weak_type(name):
    # `eval_shape` keeps weak types, and compiles nothing.
    module = eqx.filter_eval_shape(lambda: made(name)(**ROWS[name]))
    assert not weak_leaves(module)


def test_a_weak_weight_would_be_seen():
    tree = eqx.filter_eval_shape(lambda: {"w": jnp.full(3, 0.5), "x": jnp.ones(3)})
    assert weak_leaves(tree) == ["['w']"]
