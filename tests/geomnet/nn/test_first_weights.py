"""Drawn weights: what they make of independent cells and of equal ones.

Fields of physics are smooth, and a kernel that commutes with a group adds equal cells
coherently: drawn for independent cells alone, layers in a row let smooth fields grow.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import geomnet as gn
from geomnet import nn

SQUARE, KEY = gn.hyperoctahedral(2), jax.random.key(0)
MANY = (SQUARE, "24x0+ 24x1+", "24x0+ 24x1+")
TYPES = ("0+", "0-", "1+", "1-", "2+")


def sizes(kernel, phases=1):
    """The root mean square of each type of what a kernel makes of fields of unit
    variance, `(types, 2)`: of independent cells and of equal ones.

    **Arguments:** `phases`: cells along each axis whose outputs see taps of their own.
    """
    dense = np.asarray(kernel.dense(), float)
    offsets = np.ndindex((phases,) * 2)
    parts = [dense[i::phases, j::phases] for i, j in offsets]
    rough = np.mean([np.square(part).sum((0, 1, 2)) for part in parts], axis=0)
    smooth = np.mean([np.square(part.sum((0, 1))).sum(0) for part in parts], axis=0)
    types = gn.Representation(kernel.group, kernel.out_signature).type_index
    return np.array(
        [
            [np.sqrt(squares[types == n].mean()) for squares in (rough, smooth)]
            for n in range(types.max() + 1)
        ]
    )


def assert_one_keeps_its_size(found):
    """In expectation: within the spread of the draws."""
    np.testing.assert_allclose(found.max(axis=1), 1, atol=0.25, err_msg=str(found))


@settings(max_examples=12, deadline=None)
@given(
    st.sampled_from([gn.trivial(2), gn.rotations(2), SQUARE]),
    st.sampled_from([1, 3, 5]),
    st.lists(st.sampled_from(TYPES), min_size=1, max_size=2, unique=True),
)
def test_neither_rough_nor_smooth_fields_grow_and_one_keeps_its_size(
    group, size, types
):
    signature = " ".join(f"24x{t}" for t in types)
    conv = nn.Conv(group, signature, signature, size, key=KEY)
    assert_one_keeps_its_size(sizes(conv.kernel))


@pytest.mark.parametrize("signature", ["24x2s+", "24x2a+ 8x0+"])
def test_of_symmetric_tensors_too(signature, float64):
    """Their equal components add up, and the diagonal of some is zero."""
    layer = nn.Conv(SQUARE, signature, signature, key=KEY)
    run = jax.jit(jax.vmap(layer))
    make = jax.vmap(lambda key: gn.random_image(signature, (4, 4), key=key))
    rough = make(jax.random.split(jax.random.key(1), 64))
    constant = jnp.broadcast_to(rough.array[:, :1, :1], rough.array.shape)
    found = []
    for x in (rough, rough.with_array(constant)):
        y = run(x)
        squares = [jnp.mean(y[t] ** 2) / jnp.mean(x[t] ** 2) for t in y.signature.types]
        found.append(np.sqrt(squares))
        for t in y.signature.types:
            if t.order == 2:
                turned = y[t].mT if t.symmetry == "s" else -y[t].mT
                np.testing.assert_allclose(y[t], turned, atol=1e-12)
    assert_one_keeps_its_size(np.array(found).T)


@pytest.mark.parametrize(
    ("layer", "phases"),
    [
        (nn.Down(*MANY, key=KEY), 1),
        (nn.Up(*MANY, key=KEY), 2),
        (nn.ConvTranspose(*MANY, 4, key=KEY), 2),
        (nn.ConvTranspose(*MANY, 3, stride=1, dilation=2, key=KEY), 1),
    ],
    ids=["Down", "Up", "ConvTranspose", "ConvTranspose, stride 1"],
)
def test_layers_between_grids_hold_that_too(layer, phases):
    assert_one_keeps_its_size(sizes(layer.kernel, phases))


def test_plain_kernels_are_as_they_were():
    """Without symmetry no two cells share a weight: there is nothing to mend."""
    conv = nn.Conv(gn.trivial(2), "3x0+", "4x0+", 3, key=KEY)
    kernel = nn.Kernel(gn.trivial(2), "3x0+", "4x0+", 3, key=KEY)
    np.testing.assert_array_equal(conv.kernel.weights, kernel.weights)


def test_weights_drawn_for_independent_cells_let_smooth_fields_grow():
    """What the factors are for: 12 layers in a row, of constants."""

    def last_size(mended):
        x = gn.random_image("16x0+", (4, 4), key=KEY)
        x = x.with_array(jnp.broadcast_to(x.array[0, 0], x.array.shape))
        for key in jax.random.split(KEY, 12):
            conv = nn.Conv(SQUARE, "16x0+", "16x0+", key=key)
            if not mended:
                kernel = nn.Kernel(SQUARE, "16x0+", "16x0+", 3, key=key)
                conv = eqx.tree_at(lambda c: c.kernel, conv, kernel)
            x = run(conv, x)
        return float(jnp.std(x.array))

    run = eqx.filter_jit(lambda layer, image: layer(image))
    assert 0.05 < last_size(mended=True) < 20
    assert last_size(mended=False) > 100
