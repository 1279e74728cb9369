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
    exactly equivariant under `group`.
    """

    coefficients: dict[str, Float[Array, "kernels out_channels in_channels"]]
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
        shapes, deviations = {}, {}
        for out_type in self.out_signature.types:
            banks = {t: self.basis(out_type, t) for t in self.in_signature.types}
            taps = sum(
                self.in_signature.channels(t) * int((bank.labels >= 0).sum())
                for t, bank in banks.items()
            ) / out_type.components(group.num_spatial_dims)
            if not taps:
                raise ValueError(_unreachable(self, out_type))
            for in_type, bank in banks.items():
                if len(bank):
                    name = f"{out_type}<-{in_type}"
                    shapes[name] = (
                        len(bank),
                        self.out_signature.channels(out_type),
                        self.in_signature.channels(in_type),
                    )
                    deviations[name] = 1 / math.sqrt(taps)
        # One draw for all coefficients: each new shape of a draw is a new compilation.
        sizes = [math.prod(shape) for shape in shapes.values()]
        dtype = jnp.zeros((), dtype).dtype
        drawn = jax.random.normal(key, (sum(sizes),), dtype)
        parts = np.cumsum([0, *sizes])
        self.coefficients = {
            name: (drawn[a:b] * deviations[name]).reshape(shapes[name])
            for name, a, b in zip(shapes, parts[:-1], parts[1:], strict=True)
        }

    def basis(
        self, out_type: "TensorType | str", in_type: "TensorType | str"
    ) -> FilterBank:
        """The constant kernels that the coefficients weigh."""
        return kernel_basis(self.group, out_type, in_type, self.window)

    def dense(self) -> Float[Array, "*window in_features out_features"]:
        """The kernel as one array, `(*window, in features, out features)`."""
        d = self.group.num_spatial_dims
        columns = []
        for out_type in self.out_signature.types:
            rows = []
            for in_type in self.in_signature.types:
                coefficients = self.coefficients.get(f"{out_type}<-{in_type}")
                rows.append(self._block(out_type, in_type, coefficients))
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
            dtype = next(iter(self.coefficients.values())).dtype
            return jnp.zeros(shape, dtype)
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

    coefficients: dict[str, Float[Array, "invariants channels"]]
    group: Group = eqx.field(static=True)
    signature: Signature = eqx.field(static=True)

    def __init__(self, group: Group, signature: "Signature | str", dtype: Any = None):
        """Starts at zero."""
        self.group = group
        self.signature = Signature(signature)
        invariants = {t: filter_basis(group, t, 1) for t in self.signature.types}
        self.coefficients = {
            str(t): jnp.zeros((len(bank), self.signature.channels(t)), dtype)
            for t, bank in invariants.items()
            if len(bank)
        }

    def dense(self) -> Float[Array, " features"] | None:
        """The constant as one vector, or `None` where the group allows none."""
        if not self.coefficients:
            return None
        d = self.group.num_spatial_dims
        dtype = next(iter(self.coefficients.values())).dtype
        parts = []
        for t in self.signature.types:
            channels = self.signature.channels(t)
            coefficients = self.coefficients.get(str(t))
            if coefficients is None:
                parts.append(jnp.zeros(channels * t.components(d), dtype))
                continue
            bank = filter_basis(self.group, t, 1)
            invariants = jnp.asarray(bank.array.reshape(len(bank), -1), dtype)
            part = jnp.einsum(
                "nc,na->ca",
                coefficients,
                invariants,
                precision=jax.lax.Precision.HIGHEST,
            )
            parts.append(part.reshape(-1))
        bias = _join(parts, axis=0)
        return _in_entry_order(bias, self.signature, d, axis=0)


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
