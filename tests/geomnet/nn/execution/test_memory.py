"""What layers leave behind: bounded tables, and programs that JAX can forget."""

import functools
import gc
import sys
import types

import jax
import numpy as np

import geomnet as gn
from geomnet.nn._execution import _fourier


def held_bytes():
    """NumPy arrays that the library's caches hold, their attributes included."""
    seen, total = set(), 0
    waiting = [
        value
        for module in list(sys.modules.values())
        if isinstance(module, types.ModuleType)
        and module.__name__.startswith("geomnet")
        for value in vars(module).values()
        if isinstance(value, functools._lru_cache_wrapper)
    ]
    while waiting:
        value = waiting.pop()
        if id(value) in seen or isinstance(value, type | types.ModuleType):
            continue
        seen.add(id(value))
        if isinstance(value, np.ndarray):
            total += value.nbytes
        elif isinstance(value, types.FunctionType):
            continue
        else:
            waiting += gc.get_referents(value)
    return total


def test_a_hundred_grids_leave_no_hundred_tables():
    for side in range(8, 108):
        _fourier._waves(side, 3)
    assert _fourier._waves.cache_info().currsize <= 32


def test_many_kernels_leave_a_few_megabytes():
    group = gn.hyperoctahedral(2)
    before = held_bytes()
    for size in (3, 5):
        for n in range(1, 5):
            fields = f"{n}x0+ {n}x1+ 2x2s+"
            kernel = gn.nn.Kernel(group, fields, fields, size, key=jax.random.key(0))
            jax.eval_shape(kernel.dense)
    assert 0 < held_bytes() - before < 5e6
