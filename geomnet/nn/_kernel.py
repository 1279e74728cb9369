"""Learned linear maps between signatures: coefficients on the invariant bases.

`Kernel` and `Bias` hold what is learned; the bases are constants, looked up from the
static group, types and window, so that no optimiser ever sees them.
"""

import functools
import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from .._filters import FilterBank, as_window, filter_basis, kernel_basis
from .._group import Group
from .._signature import Signature, TensorType


class Kernel(eqx.Module):
    """A learned kernel of a convolution: `K(g x) = ρ_out(g) K(x) ρ_in(g)ᵀ`, always.

    `coefficients["1+<-0+"]`, of shape `(kernels, out channels, in channels)`, weighs the
    kernels of `kernel_basis(group, "1+", "0+", window)`. Channels of one type are
    counted over all entries of the signature. Whatever the coefficients, the kernel is
    exactly equivariant under `group`. They are stored end to end in one vector,
    `weights`: one leaf for the optimiser instead of one for each pair of types.
    """

    weights: Float[Array, " coefficients"]
    group: Group = eqx.field(static=True)
    in_signature: Signature = eqx.field(static=True)
    out_signature: Signature = eqx.field(static=True)
    window: tuple[int, ...] = eqx.field(static=True)

    def __init__(
        self,
        group: Group,
        in_signature: "Signature | str",
        out_signature: "Signature | str",
        size: int | tuple[int, ...],
        *,
        key: PRNGKeyArray,
        dtype: Any = None,
    ):
        """**Arguments:**

        - `size`: cells along each axis; one number or one per axis.
        - `key`: draws the coefficients, so that an input of unit variance gives an
            output of unit variance in every component (He et al. 2015, per basis
            kernel).

        **Raises:** `ValueError` if a type of the output can't be reached from any type
        of the input by a kernel of this size.
        """
        self.group = group
        self.in_signature = Signature(in_signature)
        self.out_signature = Signature(out_signature)
        self.window = as_window(group, size)
        deviations = []
        for out_type in self.out_signature.types:
            banks = [self.basis(out_type, t) for t in self.in_signature.types]
            taps = sum(
                self.in_signature.channels(bank.types[1])
                * int((bank.labels >= 0).sum())
                for bank in banks
            ) / out_type.components(group.num_spatial_dims)
            if not taps:
                raise ValueError(_unreachable(self, out_type))
            num_coefficients = self.out_signature.channels(out_type) * sum(
                len(bank) * self.in_signature.channels(bank.types[1]) for bank in banks
            )
            deviations.append(np.full(num_coefficients, 1 / math.sqrt(taps)))
        # One draw for all coefficients: each new shape of a draw is a new compilation.
        scale = np.concatenate(deviations)
        dtype = jnp.zeros((), dtype).dtype
        drawn = jax.random.normal(key, scale.shape, dtype)
        self.weights = drawn * jnp.asarray(scale, dtype)

    @property
    def coefficients(
        self,
    ) -> dict[str, Float[Array, "kernels out_channels in_channels"]]:
        """What weighs each basis kernel, by pair of types: `"out<-in"`."""
        parts, position = {}, 0
        for out_type in self.out_signature.types:
            for in_type in self.in_signature.types:
                shape = (
                    len(self.basis(out_type, in_type)),
                    self.out_signature.channels(out_type),
                    self.in_signature.channels(in_type),
                )
                size = math.prod(shape)
                if size:
                    part = jax.lax.slice_in_dim(self.weights, position, position + size)
                    parts[f"{out_type}<-{in_type}"] = part.reshape(shape)
                    position += size
        return parts

    def basis(
        self, out_type: "TensorType | str", in_type: "TensorType | str"
    ) -> FilterBank:
        """The constant kernels that the coefficients weigh."""
        return kernel_basis(self.group, out_type, in_type, self.window)

    def dense(self) -> Float[Array, "*window in_features out_features"]:
        """The kernel as one array, `(*window, in features, out features)`."""
        d = self.group.num_spatial_dims
        coefficients = self.coefficients
        columns = []
        for out_type in self.out_signature.types:
            rows = []
            for in_type in self.in_signature.types:
                part = coefficients.get(f"{out_type}<-{in_type}")
                rows.append(self._block(out_type, in_type, part))
            columns.append(_join(rows, axis=-2))
        kernel = _join(columns, axis=-1)
        kernel = _in_entry_order(kernel, self.in_signature, d, axis=-2)
        return _in_entry_order(kernel, self.out_signature, d, axis=-1)

    def _block(
        self, out_type: TensorType, in_type: TensorType, coefficients: Array | None
    ) -> Array:
        d = self.group.num_spatial_dims
        out_channels = self.out_signature.channels(out_type)
        in_channels = self.in_signature.channels(in_type)
        shape = (
            *self.window,
            in_channels * in_type.components(d),
            out_channels * out_type.components(d),
        )
        if coefficients is None:
            return jnp.zeros(shape, self.weights.dtype)
        basis = jnp.asarray(
            _kernel_matrix(self.basis(out_type, in_type)), coefficients.dtype
        )
        # Each entry of the kernel is one coefficient and a sign: full precision keeps
        # this product exact on accelerators that would round its factors.
        block = jnp.einsum(
            "noi,nwab->wiaob",
            coefficients,
            basis,
            precision=jax.lax.Precision.HIGHEST,
        )
        return block.reshape(shape)


class Bias(eqx.Module):
    """A learned constant field: only what the group leaves alone.

    Scalars always have one; another type has one only if the group fixes one of its
    tensors, such as the vertical vector under a square around the vertical.
    """

    weights: Float[Array, " coefficients"]
    group: Group = eqx.field(static=True)
    signature: Signature = eqx.field(static=True)

    def __init__(self, group: Group, signature: "Signature | str", dtype: Any = None):
        """Starts at zero."""
        self.group = group
        self.signature = Signature(signature)
        self.weights = jnp.zeros(len(bias_basis(group, self.signature)), dtype)

    def dense(self) -> Float[Array, " features"] | None:
        """The constant as one vector, or `None` where the group allows none."""
        basis = bias_basis(self.group, self.signature)
        if not len(basis):
            return None
        # Exact on accelerators too: one coefficient and one sign for each feature.
        return jnp.matmul(
            self.weights,
            jnp.asarray(basis, self.weights.dtype),
            precision=jax.lax.Precision.HIGHEST,
        )


@functools.cache
def bias_basis(group: Group, signature: Signature) -> np.ndarray:
    """The constants that the group leaves alone, `(constants, features)`, int8."""
    d = group.num_spatial_dims
    rows = []
    for entry, where in zip(signature, signature.slices(d), strict=True):
        bank = filter_basis(group, entry.type, 1)
        invariants = bank.array.reshape(len(bank), entry.type.components(d))
        for channel in range(entry.channels):
            start = where.start + channel * invariants.shape[1]
            for invariant in invariants:
                row = np.zeros(signature.features(d), np.int8)
                row[start : start + len(invariant)] = invariant
                rows.append(row)
    return np.array(rows, np.int8).reshape(len(rows), signature.features(d))


def _in_entry_order(array: Array, signature: Signature, d: int, axis: int) -> Array:
    """From features sorted by type to the order of the signature's entries."""
    if [e.type for e in signature] == sorted(
        (e.type for e in signature), key=signature.types.index
    ):
        return array
    starts, position = {}, 0
    for t in signature.types:
        starts[t] = position
        position += signature.channels(t) * t.components(d)
    parts = []
    for entry in signature:
        start = starts[entry.type]
        starts[entry.type] = stop = start + entry.features(d)
        parts.append(jax.lax.slice_in_dim(array, start, stop, axis=axis % array.ndim))
    return jnp.concatenate(parts, axis=axis)


@functools.cache
def _kernel_matrix(bank: FilterBank) -> np.ndarray:
    """The kernels as `(kernels, cells, in components, out components)`."""
    d = bank.num_spatial_dims
    out_type, in_type = bank.types
    shape = (len(bank), -1, out_type.components(d), in_type.components(d))
    return np.swapaxes(bank.array.reshape(shape), 2, 3)


def _join(parts: list[Array], axis: int) -> Array:
    return parts[0] if len(parts) == 1 else jnp.concatenate(parts, axis=axis)


def _unreachable(kernel: Kernel, out_type: TensorType) -> str:
    window = "x".join(map(str, kernel.window))
    larger = [
        size
        for size in range(min(kernel.window) + 1, min(kernel.window) + 5)
        if any(
            len(kernel_basis(kernel.group, out_type, t, size))
            for t in kernel.in_signature.types
        )
    ]
    mend = "Add a type to the input, such as vectors in the hidden signature"
    if larger:
        mend += f", or use size {larger[0]}, where a kernel exists"
    return (
        f"No {window} kernel that commutes with {kernel.group} leads from "
        f"'{kernel.in_signature}' to the output type '{out_type}': it would always be "
        f"zero. {mend}."
    )
