"""The product with one matrix for each wave number, in real numbers.

A plain Fourier layer has a complex matrix for each wave number of half the window. A
group that reflects every axis needs a real matrix for each wave number of one orthant,
a quarter of the numbers in two dimensions and an eighth in three: matrices of mirrored
wave numbers differ by signs alone, so the mirrored waves become rows of one product.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..._representation import Representation
from ..._signature import Signature
from ...filters._kernel_space import KernelSpace
from ._assembly import Assembly, assemble, component_slabs
from ._dense import dense_kernel
from ._primitives import merge_axes, split_axis
from ._reduced import reflects_every_axis
from ._reflection_signs import is_odd


def multiply(
    waves: Float[Array, "*waves in_features"],
    weights: Float[Array, " coefficients"],
    space: KernelSpace,
) -> Float[Array, "*waves out_features"]:
    """The convolution whose kernel lives on the wave vectors of a window, for fields
    given by `analyse`.

    The kernel D lives on wave numbers. The field's Fourier coefficient of wave vector k
    is multiplied with `(D(k) + D(-k)) / 2 + i (D(k) - D(-k)) / 2`.
    """
    array, d = waves, space.num_spatial_dims
    for axis, size in enumerate(space.window):
        array = split_axis(array, 2 * axis, (2, size // 2 + 1))
    if reflects_every_axis(space.source.group):
        array = _multiply_orthant(array, weights, space)
    else:
        array = _multiply_window(array, weights, space)
    for axis in range(d):
        array = merge_axes(array, axis, 2)
    return array


def _multiply_orthant(array: Array, weights: Array, space: KernelSpace) -> Array:
    """Under reflections a wave's sign times its component's is conserved.

    So waves are dealt into classes of that product; all classes meet one matrix.
    """
    d, source, target = space.num_spatial_dims, space.source, space.target
    matrices = assemble(weights, _orthant_assembly(space))[0].astype(array.dtype)
    rows = _exchange(array, source) * jnp.asarray(_signs(source), array.dtype)
    ahead = (*range(1, 2 * d, 2), *range(0, 2 * d, 2))
    rows = rows.transpose(*ahead, 2 * d)
    numbers = rows.shape[:d]
    rows = merge_axes(merge_axes(rows, 0, d), 1, d)
    rows = jnp.matmul(rows, matrices.reshape(len(rows), rows.shape[-1], -1))
    rows = split_axis(split_axis(rows, 1, (2,) * d), 0, numbers)
    rows = rows.transpose(*np.argsort(ahead), 2 * d)
    return _exchange(rows * jnp.asarray(_signs(target), rows.dtype), target)


def _exchange(array: Array, fields: Representation) -> Array:
    """Exchanges cosines and sines of an axis where its reflection reverses a feature:
    waves by their own sign, to waves by their sign times the component's, or back.
    """
    for axis, odd in enumerate(is_odd(fields.signature, fields.num_spatial_dims).T):
        if odd.any():
            array = jnp.where(odd, jnp.flip(array, 2 * axis), array)
    return array


@functools.lru_cache(maxsize=256)
def _signs(fields: Representation) -> np.ndarray:
    """`(2, 1, 2, 1, ..., features)`: for each class of waves and feature ±1.

    A wave with n sines is iⁿ times a sum of exponentials, and a matrix between features
    of unlike total sign is i times a real one. With a class t, a feature's signs p
    and the wave's ε = t + p modulo 2, the powers of i that belong to one side are
    `|ε| + (|p| mod 2) - (|t| mod 2)`, an even number.
    """
    d = fields.num_spatial_dims
    own = is_odd(fields.signature, d).astype(int)
    classes = np.indices((2,) * d).reshape(d, -1).T[:, None, :]
    power = (classes ^ own).sum(-1) + own.sum(-1) % 2 - classes.sum(-1) % 2
    return (1 - power % 4).reshape(*(2, 1) * d, -1)


@functools.lru_cache(maxsize=256)
def _orthant_assembly(space: KernelSpace) -> Assembly:
    d, window = space.num_spatial_dims, space.window
    cells = np.ravel_multi_index(
        np.meshgrid(*(np.arange(n // 2, n) for n in window), indexing="ij"), window
    )
    cells = cells.ravel()
    tables = space.tables()
    label, sign = (t[cells].reshape(-1, t.shape[-1]) for t in tables[:2])
    odd_in, odd_out = (
        np.concatenate(
            [is_odd(Signature(str(t)), d).sum(-1) % 2 for t in fields.signature.types]
        )
        for fields in (space.source, space.target)
    )
    # Of the powers of i that the two sides share out a sign is left over.
    turned = np.outer(np.tile(odd_in, len(cells)), 1 - odd_out)
    return Assembly(
        component_slabs(space.source, len(cells)),
        component_slabs(space.target, 1),
        label,
        (sign * (1 - 2 * turned)).astype(np.int8),
        tables[2],
    )


def _multiply_window(array: Array, weights: Array, space: KernelSpace) -> Array:
    """Any group: the dense kernel at all wave vectors.

    K(k) x(k) is the part of a real field in `(1 + i) D(k) x(k)`: real matrices again,
    and no sums of them.
    """
    d = space.num_spatial_dims
    real, imaginary = array, jnp.zeros_like(array)
    for axis in range(d):
        real, imaginary = _to_exponentials(real, imaginary, axis)
    matrices = dense_kernel(weights, space).astype(array.dtype)
    matrices = matrices.reshape(-1, *matrices.shape[-2:])
    rows = merge_axes(jnp.stack([real, imaginary], axis=-2), 0, d)
    rows = jnp.matmul(rows, matrices)
    window = real.shape[:d]
    real = split_axis(rows[:, 0] - rows[:, 1], 0, window)
    imaginary = split_axis(rows[:, 0] + rows[:, 1], 0, window)
    for axis in reversed(range(d)):
        real, imaginary = _from_exponentials(real, imaginary, axis)
    return real


def _to_exponentials(real: Array, imaginary: Array, axis: int) -> tuple[Array, Array]:
    """Cosines and sines at `axis`, of wave numbers 0 to n at the next, to exponentials
    of wave numbers -n to n.
    """
    (c, s), (c_i, s_i) = (
        [jax.lax.index_in_dim(part, n, axis, keepdims=False) for n in (0, 1)]
        for part in (real, imaginary)
    )
    return (
        _joined(c - s_i, c + s_i, axis),
        _joined(c_i + s, c_i - s, axis),
    )


def _joined(minus: Array, plus: Array, axis: int) -> Array:
    negative = jnp.flip(jax.lax.slice_in_dim(minus, 1, None, axis=axis), axis)
    return jnp.concatenate([negative, plus], axis=axis)


def _from_exponentials(real: Array, imaginary: Array, axis: int) -> tuple[Array, Array]:
    """The inverse of `_to_exponentials`."""
    n = real.shape[axis] // 2

    def parts(array: Array) -> tuple[Array, Array]:
        minus = jnp.flip(jax.lax.slice_in_dim(array, 0, n + 1, axis=axis), axis)
        return minus, jax.lax.slice_in_dim(array, n, None, axis=axis)

    (minus, plus), (minus_i, plus_i) = parts(real), parts(imaginary)
    return (
        jnp.stack([plus + minus, minus_i - plus_i], axis=axis) / 2,
        jnp.stack([plus_i + minus_i, plus - minus], axis=axis) / 2,
    )
