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
        array = _multiply_half(array, kernel, numbers)
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
    matrices = assemble(assembly, kernel.weights).astype(array.dtype)
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
    assembly = _assembly_at(group, in_signature, out_signature, window, cells.ravel())
    odd_in, odd_out = (
        np.concatenate(
            [_parities(Signature(str(t)), d).sum(-1) % 2 for t in signature.types]
        )
        for signature in (in_signature, out_signature)
    )
    # Of the powers of i that the two sides share out a sign is left over.
    turned = np.outer(np.tile(odd_in, cells.size), 1 - odd_out)
    sign = (assembly.sign * (1 - 2 * turned)).astype(np.int8)
    return Assembly(
        assembly.rows, assembly.columns, assembly.label, sign, assembly.kernels
    )


def _assembly_at(
    group: Group,
    in_signature: Signature,
    out_signature: Signature,
    window: tuple[int, ...],
    cells: np.ndarray,
) -> Assembly:
    """The kernel's matrices in some cells of its window, `(cells, in, out)`."""
    d = group.num_spatial_dims
    tables = basis_tables(group, in_signature, out_signature, window)
    label, sign = (t[cells].reshape(-1, t.shape[-1]) for t in tables[:2])
    return Assembly(
        component_slabs(in_signature, d, len(cells)),
        component_slabs(out_signature, d, 1),
        label,
        sign,
        tables[2],
    )


def _multiply_half(array: Array, kernel: Kernel, numbers: tuple[int, ...]) -> Array:
    """Any group: complex coefficients of half the wave vectors, `k[0] >= 0`.

    Both signs stand for every other axis, also of wave number 0, where they agree.
    """
    d = len(numbers)
    features = kernel.out_signature.features(d)
    real, imaginary = array[0], -array[1]
    for axis in range(1, d):
        # Axis 0 has no sign left, so the waves of axis j are at 2 j - 1.
        where = 2 * axis - 1
        (c, s), (c_i, s_i) = (
            jnp.split(part, 2, axis=where) for part in (real, imaginary)
        )
        real = jnp.concatenate([c + s_i, c - s_i], axis=where)
        imaginary = jnp.concatenate([c_i - s, c_i + s], axis=where)
    even, odd = _even_and_odd(kernel, array.dtype)
    shape = (*real.shape[:-1], features)
    rows = jnp.stack([real, imaginary], axis=-2).reshape(len(even), 2, -1)
    rows = jnp.matmul(
        rows, jnp.concatenate([even, odd], -1), precision=jax.lax.Precision.HIGHEST
    )
    by_even, by_odd = jnp.split(rows, 2, axis=-1)
    real = (by_even[:, 0] - by_odd[:, 1]).reshape(shape)
    imaginary = (by_even[:, 1] + by_odd[:, 0]).reshape(shape)
    for axis in range(1, d):
        where = 2 * axis - 1
        (plus, minus), (plus_i, minus_i) = (
            jnp.split(part, 2, axis=where) for part in (real, imaginary)
        )
        real = jnp.concatenate([plus + minus, minus_i - plus_i], axis=where) / 2
        imaginary = jnp.concatenate([plus_i + minus_i, plus - minus], axis=where) / 2
    return jnp.stack([real, -imaginary])


def _even_and_odd(kernel: Kernel, dtype: jnp.dtype) -> tuple[Array, Array]:
    """The even and odd part of D on half the wave vectors, `(waves, in, out)`."""
    d = len(kernel.window)
    cells = _signed_cells(kernel.window)
    assembly = _assembly_at_every_sign(
        kernel.group, kernel.in_signature, kernel.out_signature, kernel.window
    )
    matrices = assemble(assembly, kernel.weights).astype(dtype)
    matrices = matrices.reshape(
        *cells.shape,
        kernel.in_signature.features(d),
        kernel.out_signature.features(d),
    )
    here = matrices[0]
    opposite = jnp.flip(matrices[1], tuple(range(1, 2 * d - 1, 2)))
    return tuple(
        part.reshape(-1, *part.shape[-2:])
        for part in ((here + opposite) / 2, (here - opposite) / 2)
    )


@functools.cache
def _assembly_at_every_sign(
    group: Group,
    in_signature: Signature,
    out_signature: Signature,
    window: tuple[int, ...],
) -> Assembly:
    cells = _signed_cells(window).ravel()
    return _assembly_at(group, in_signature, out_signature, window, cells)


def _signed_cells(window: tuple[int, ...]) -> np.ndarray:
    """Cells of the window by sign and size of the wave number along each axis."""
    axes = []
    for n in window:
        k = np.arange(n // 2 + 1)
        axes += [np.array([1, -1]), k]
    mesh = np.meshgrid(*axes, indexing="ij")
    index = [
        n // 2 + mesh[2 * axis] * mesh[2 * axis + 1] for axis, n in enumerate(window)
    ]
    return np.asarray(np.ravel_multi_index(tuple(index), window))
