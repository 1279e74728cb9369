"""What layers leave behind: bounded tables, and programs that JAX can forget."""

import functools
import gc
import sys
import types

import jax
import numpy as np

import geomnet as gn
from geomnet.nn._execution import _fourier


def held_arrays():
    """NumPy arrays that the library's caches hold, their attributes included, by id."""
    seen, found = set(), {}
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
            found[id(value)] = value
        elif isinstance(value, types.FunctionType):
            continue
        else:
            waiting += gc.get_referents(value)
    return found


def test_a_hundred_grids_leave_no_hundred_tables():
    for side in range(8, 108):
        _fourier._waves(side, 3)
    assert _fourier._waves.cache_info().currsize <= 32


def test_many_kernels_leave_a_few_megabytes():
    group = gn.hyperoctahedral(2)
    before = held_arrays()  # Kept, so that no id is given twice.
    for size in (3, 5):
        for n in range(1, 5):
            fields = f"{n}x0+ {n}x1+ 2x2s+"
            kernel = gn.nn.Kernel(group, fields, fields, size, key=jax.random.key(0))
            jax.eval_shape(kernel.dense)
    # Full caches drop others for them: what is new counts.
    new = [array for at, array in held_arrays().items() if at not in before]
    assert 0 < sum(array.nbytes for array in new) < 5e6
