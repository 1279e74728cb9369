"""The product with one matrix for each wave number, in real numbers.

A plain Fourier layer has a complex matrix for each wave number of half the window. A
group that reflects every axis needs a real matrix for each wave number of one orthant,
a quarter of the numbers in two dimensions and an eighth in three: matrices of mirrored
wave numbers differ by signs alone, so the mirrored waves become rows of one product.
"""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._action import feature_action
from .._group import Group, reflections
from .._signature import Signature
from ._assembly import Assembly, assemble
from ._kernel import Kernel, basis_tables, component_slabs


def multiply(
    waves: Float[Array, "*waves in_features"], kernel: Kernel
) -> Float[Array, "*waves out_features"]:
    """The convolution, for fields given by `analyse`.

    The kernel D lives on wave numbers. The field's Fourier coefficient of wave vector k
    is multiplied with `(D(k) + D(-k)) / 2 + i (D(k) - D(-k)) / 2`.
    """
    d = kernel.group.num_spatial_dims
    numbers = tuple(n // 2 + 1 for n in kernel.window)
    array = waves.reshape(*(n for k in numbers for n in (2, k)), -1)
    if reflects_every_axis(kernel.group):
        array = _multiply_orthant(array, kernel, numbers)
    else:
        array = _multiply_window(array, kernel)
    return array.reshape(*(2 * k for k in numbers), kernel.out_signature.features(d))


@functools.cache
def reflects_every_axis(group: Group) -> bool:
    """Whether every reflection of one axis is an element."""
    return reflections(group.num_spatial_dims).is_subgroup(group)


def _multiply_orthant(array: Array, kernel: Kernel, numbers: tuple[int, ...]) -> Array:
    """Under reflections a wave's parity times its component's is conserved.

    So waves are dealt into classes of that product; all classes meet one matrix.
    """
    d = len(numbers)
    assembly = _orthant_assembly(
        kernel.group, kernel.in_signature, kernel.out_signature, kernel.window
    )
    matrices = assemble(kernel.weights, assembly)[0].astype(array.dtype)
    rows = _deal(_signs(kernel.in_signature, d), array, kernel.in_signature)
    ahead = (*range(1, 2 * d, 2), *range(0, 2 * d, 2))
    rows = rows.transpose(*ahead, 2 * d)
    shape = (*rows.shape[:-1], -1)
    rows = rows.reshape(math.prod(numbers), 2**d, -1)
    rows = jnp.matmul(
        rows,
        matrices.reshape(len(rows), rows.shape[-1], -1),
        precision=jax.lax.Precision.HIGHEST,
    )
    rows = rows.reshape(shape).transpose(*np.argsort(ahead), 2 * d)
    signs = jnp.asarray(_signs(kernel.out_signature, d), rows.dtype)
    return _exchange(rows * signs, kernel.out_signature)


def _deal(signs: np.ndarray, array: Array, signature: Signature) -> Array:
    return _exchange(array, signature) * jnp.asarray(signs, array.dtype)


def _exchange(array: Array, signature: Signature) -> Array:
    """Exchanges cosines and sines of an axis where its reflection reverses a feature:
    waves by their own parity, to waves by their parity times the component's, or back.
    """
    for axis, odd in enumerate(_parities(signature, array.ndim // 2).T):
        if odd.any():
            array = jnp.where(odd, jnp.flip(array, 2 * axis), array)
    return array


@functools.cache
def _parities(signature: Signature, d: int) -> np.ndarray:
    """`(features, d)` bool: whether reflecting an axis reverses a feature."""
    signs = [
        feature_action(
            signature, d, tuple(range(d)), tuple(1 - 2 * (i == axis) for i in range(d))
        )[1]
        for axis in range(d)
    ]
    return np.stack(signs, axis=-1) < 0


@functools.cache
def _signs(signature: Signature, d: int) -> np.ndarray:
    """`(2, 1, 2, 1, ..., features)`: for each class of parity and feature ±1.

    A wave with n sines is iⁿ times a sum of exponentials, and a matrix between features
    of unlike total parity is i times a real one. With a class t, a feature's parity p
    and the wave's ε = t + p modulo 2, the powers of i that belong to one side are
    `|ε| + (|p| mod 2) - (|t| mod 2)`, an even number.
    """
    parity = _parities(signature, d).astype(int)
    classes = np.indices((2,) * d).reshape(d, -1).T[:, None, :]
    power = (classes ^ parity).sum(-1) + parity.sum(-1) % 2 - classes.sum(-1) % 2
    return (1 - power % 4).reshape(*(2, 1) * d, -1)


@functools.cache
def _orthant_assembly(
    group: Group,
    in_signature: Signature,
    out_signature: Signature,
    window: tuple[int, ...],
) -> Assembly:
    d = len(window)
    cells = np.ravel_multi_index(
        np.meshgrid(*(np.arange(n // 2, n) for n in window), indexing="ij"), window
    )
    cells = cells.ravel()
    tables = basis_tables(group, in_signature, out_signature, window)
    label, sign = (t[cells].reshape(-1, t.shape[-1]) for t in tables[:2])
    odd_in, odd_out = (
        np.concatenate(
            [_parities(Signature(str(t)), d).sum(-1) % 2 for t in signature.types]
        )
        for signature in (in_signature, out_signature)
    )
    # Of the powers of i that the two sides share out a sign is left over.
    turned = np.outer(np.tile(odd_in, len(cells)), 1 - odd_out)
    return Assembly(
        component_slabs(in_signature, d, len(cells)),
        component_slabs(out_signature, d, 1),
        label,
        (sign * (1 - 2 * turned)).astype(np.int8),
        tables[2],
    )


def _multiply_window(array: Array, kernel: Kernel) -> Array:
    """Any group: the dense kernel at all wave vectors.

    K(k) x(k) is the part of a real field in `(1 + i) D(k) x(k)`: real matrices again,
    and no sums of them.
    """
    d = len(kernel.window)
    real, imaginary = array, jnp.zeros_like(array)
    for axis in range(d):
        real, imaginary = _to_exponentials(real, imaginary, axis)
    matrices = kernel.dense().astype(array.dtype)
    matrices = matrices.reshape(-1, *matrices.shape[-2:])
    shape = (*real.shape[:-1], -1)
    rows = jnp.stack([real, imaginary], axis=-2).reshape(len(matrices), 2, -1)
    rows = jnp.matmul(rows, matrices, precision=jax.lax.Precision.HIGHEST)
    real = (rows[:, 0] - rows[:, 1]).reshape(shape)
    imaginary = (rows[:, 0] + rows[:, 1]).reshape(shape)
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
