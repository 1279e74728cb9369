"""Learned linear maps between signatures: coefficients on the invariant bases.

`Kernel` and `Bias` hold what is learned; the bases are constants, looked up from the
static group, types and window, so that no optimiser ever sees them.
"""

import functools
import math
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from .._count import check_count
from .._group import Group
from .._image import rising
from .._signature import Signature, TensorType
from ..filters import FilterBank, filter_basis, kernel_basis
from ..filters._window import as_window
from ._assembly import Assembly, Slabs, assemble


class Kernel(eqx.Module):
    """A learned kernel of a convolution: `K(g x) = ρ_out(g) K(x) ρ_in(g)ᵀ`, always.

    `coefficients["1+<-0+"]`, of shape `(kernels, out channels, in channels)`, weighs
    the kernels of `kernel_basis(group, "1+", "0+", window)`. Channels of one type are
    counted over all entries of the signature. Whatever the coefficients, the kernel is
    exactly equivariant under `group`. They are stored end to end in one vector,
    `weights`: one leaf for the optimiser instead of one for each pair of types.

    With `channel_groups` above 1 the channels of every type are dealt into so many
    groups that do not mix, in order; coefficients then have a leading axis of groups.
    """

    weights: Float[Array, " coefficients"]
    group: Group = eqx.field(static=True)
    in_signature: Signature = eqx.field(static=True)
    out_signature: Signature = eqx.field(static=True)
    window: tuple[int, ...] = eqx.field(static=True)
    channel_groups: int = eqx.field(static=True)

    def __init__(
        self,
        group: Group,
        in_signature: "Signature | str",
        out_signature: "Signature | str",
        size: int | tuple[int, ...],
        *,
        channel_groups: int = 1,
        key: PRNGKeyArray,
        dtype: Any = None,
    ):
        """**Arguments:**

        - `size`: cells along each axis; one number or one per axis.
        - `channel_groups`: divides the channels of every entry of both signatures.
        - `key`: draws the coefficients, so that an input of unit variance gives an
            output of unit variance in every component (He et al. 2015, per basis
            kernel).

        **Raises:** `ValueError` if a type of the output can't be reached from any type
        of the input by a kernel of this size, or if the groups don't divide the
        channels.
        """
        check_count("channel_groups", channel_groups)
        self.group = group
        self.in_signature = Signature(in_signature)
        self.out_signature = Signature(out_signature)
        self.window = as_window(group, size)
        self.channel_groups = channel_groups
        sources, targets = self._one_group
        deviations = []
        for out_type in targets.types:
            banks = [self.basis(out_type, t) for t in sources.types]
            taps = sum(sources.channels(bank.types[1]) * _taps(bank) for bank in banks)
            if not taps:
                raise ValueError(_unreachable(self, out_type))
            num_coefficients = targets.channels(out_type) * sum(
                len(bank) * sources.channels(bank.types[1]) for bank in banks
            )
            deviations.append(np.full(num_coefficients, 1 / math.sqrt(taps)))
        # One draw for all coefficients: each new shape of a draw is a new compilation.
        scale = np.tile(np.concatenate(deviations), channel_groups)
        dtype = jnp.zeros((), dtype).dtype
        drawn = jax.random.normal(key, scale.shape, dtype)
        self.weights = drawn * jnp.asarray(scale, dtype)

    @property
    def _one_group(self) -> tuple[Signature, Signature]:
        """What one group of channels takes and gives."""
        return (
            self.in_signature // self.channel_groups,
            self.out_signature // self.channel_groups,
        )

    @property
    def coefficients(
        self,
    ) -> dict[str, Float[Array, "*groups kernels out_channels in_channels"]]:
        """What weighs each basis kernel, by pair of types: `"out<-in"`."""
        sources, targets = self._one_group
        leading = () if self.channel_groups == 1 else (self.channel_groups,)
        weights = self.weights.reshape(*leading, -1)
        parts, position = {}, 0
        for out_type in targets.types:
            for in_type in sources.types:
                shape = (
                    len(self.basis(out_type, in_type)),
                    sources.channels(in_type),
                    targets.channels(out_type),
                )
                size = math.prod(shape)
                if size:
                    part = weights[..., position : position + size]
                    parts[f"{out_type}<-{in_type}"] = part.reshape(*leading, *shape).mT
                    position += size
        return parts

    def with_coefficients(self, coefficients: Mapping[str, Any]) -> "Kernel":
        """The kernel with some coefficients replaced, such as by a `geomnet.stencil`.

        **Arguments:**

        - `coefficients`: by pair of types, as the property has them: `(*groups,
            kernels, out channels, in channels)`, or one number per kernel for all pairs
            of channels.

        **Raises:** `ValueError` if a pair does not exist or has another shape.
        """
        present = self.coefficients
        unknown = sorted(set(coefficients) - set(present))
        if unknown:
            raise ValueError(
                f"`coefficients` names {unknown}; this kernel has {sorted(present)}."
            )
        parts = []
        for pair, part in present.items():
            given = np.asarray(coefficients.get(pair, part), dtype=part.dtype)
            kernels = part.shape[-3:-2]
            if given.shape == kernels:
                given = np.broadcast_to(given[:, None, None], part.shape)
            if given.shape != part.shape:
                raise ValueError(
                    f"`coefficients['{pair}']` must have shape {part.shape} or "
                    f"{kernels}, got {given.shape}."
                )
            turned = np.swapaxes(given, -1, -2)
            parts.append(turned.reshape(*part.shape[:-3], -1))
        weights = np.concatenate(parts, axis=-1).ravel()
        weights = jnp.asarray(weights, self.weights.dtype)
        return eqx.tree_at(lambda kernel: kernel.weights, self, weights)

    def basis(
        self, out_type: "TensorType | str", in_type: "TensorType | str"
    ) -> FilterBank:
        """The constant kernels that the coefficients weigh."""
        return kernel_basis(self.group, out_type, in_type, self.window)

    def dense(self) -> Float[Array, "*window in_features out_features"]:
        """The kernel as one array, `(*window, in features, out features)`.

        With groups of channels it is what `jax.lax.conv_general_dilated` calls a kernel
        with `feature_group_count`: the inputs of one group, and all outputs, one group
        after the other.
        """
        sources, targets = self._one_group
        d = self.group.num_spatial_dims
        assembly = dense_assembly(self.group, sources, targets, self.window)
        shape = (*self.window, sources.features(d), targets.features(d))
        if self.channel_groups == 1:
            return assemble(self.weights, assembly)[0].reshape(shape)
        weights = self.weights.reshape(self.channel_groups, -1)
        matrices = assemble(weights, assembly)[0]
        joined = jnp.moveaxis(matrices.reshape(self.channel_groups, *shape), 0, -2)
        return joined.reshape(*shape[:-1], -1)


class AbstractKernelLayer(eqx.Module):
    """A layer around one kernel."""

    kernel: eqx.AbstractVar[Kernel]

    @property
    def in_signature(self) -> Signature:
        """What the layer takes."""
        return self.kernel.in_signature

    @property
    def out_signature(self) -> Signature:
        """What the layer gives."""
        return self.kernel.out_signature


def _taps(bank: FilterBank) -> float:
    """Squares of what the basis does to independent numbers, by output component.

    Equal components of a symmetric input add up before they are squared, and zeros of
    an antisymmetric output do not count.
    """
    out_type, in_type = bank.types
    d = bank.group.num_spatial_dims
    outputs = int((rising(out_type, d)[1] != 0).sum())
    if not in_type.symmetry or not len(bank) or not outputs:
        return int((bank.labels >= 0).sum()) / max(outputs, 1)
    index, sign = rising(in_type, d)
    fold = np.zeros((len(index), len(index)), int)
    fold[range(len(index)), index] = sign
    return float(np.square(bank.array.reshape(-1, len(index)) @ fold).sum()) / outputs


@functools.cache
def dense_assembly(
    group: Group,
    in_signature: Signature,
    out_signature: Signature,
    window: tuple[int, ...],
) -> Assembly:
    """Where each coefficient stands in the dense kernel `(cells, in, out features)`."""
    d = group.num_spatial_dims
    tables = basis_tables(group, in_signature, out_signature, window)
    label, sign = (table.reshape(-1, table.shape[-1]) for table in tables[:2])
    return Assembly(
        component_slabs(in_signature, d, math.prod(window)),
        component_slabs(out_signature, d, 1),
        label,
        sign,
        tables[2],
    )


@functools.cache
def basis_tables(
    group: Group,
    in_signature: Signature,
    out_signature: Signature,
    window: tuple[int, ...],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`(label, sign, kernels)` of the bases of all pairs of types, side by side.

    The first two are `(cells, in components, out components)`, the components counted
    over the types of a signature; the last `(out types, in types)`.
    """
    d = group.num_spatial_dims
    cells = math.prod(window)
    banks = [
        [kernel_basis(group, out, inp, window) for out in out_signature.types]
        for inp in in_signature.types
    ]

    def side_by_side(which: str) -> np.ndarray:
        return np.concatenate(
            [
                np.concatenate(
                    [
                        np.swapaxes(
                            getattr(bank, which).reshape(
                                cells, *(t.components(d) for t in bank.types)
                            ),
                            1,
                            2,
                        )
                        for bank in row
                    ],
                    axis=2,
                )
                for row in banks
            ],
            axis=1,
        )

    kernels = np.array([[len(bank) for bank in row] for row in banks]).T
    return side_by_side("labels"), side_by_side("signs"), kernels


def component_slabs(signature: Signature, d: int, cells: int) -> Slabs:
    """One slab for each cell and component; lines in the layout of the signature."""
    components = [t.components(d) for t in signature.types]
    one_cell = np.concatenate([np.arange(n) for n in components])
    start = np.arange(cells)[:, None] * signature.features(d) + one_cell
    offset = []
    for t in signature.types:
        parts = [
            where.start + np.arange(entry.channels) * t.components(d)
            for entry, where in zip(signature, signature.slices(d), strict=True)
            if entry.type == t
        ]
        offset.append(np.concatenate(parts))
    return Slabs(
        np.tile(np.repeat(np.arange(len(components)), components), cells),
        start.ravel(),
        tuple(offset),
    )


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
        self.weights = jnp.zeros(num_constants(group, self.signature), dtype)

    def dense(self) -> Float[Array, " features"] | None:
        """The constant as one vector, or `None` where the group allows none."""
        if not num_constants(self.group, self.signature):
            return None
        return constant_field(self.weights, self.group, self.signature)


def num_constants(group: Group, signature: Signature) -> int:
    """How many constant fields the group leaves alone."""
    return sum(e.channels * len(_invariants(group, e.type)) for e in signature)


def constant_field(
    weights: Float[Array, " constants"], group: Group, signature: Signature
) -> Float[Array, " features"]:
    """A combination of the constant fields that the group leaves alone."""
    d, start, parts = group.num_spatial_dims, 0, []
    for entry in signature:
        basis = _invariants(group, entry.type)
        stop = start + entry.channels * len(basis)
        part = jax.lax.slice_in_dim(weights, start, stop)
        start = stop
        if not len(basis):
            part = jnp.zeros(entry.features(d), weights.dtype)
        elif not np.array_equal(basis, np.eye(len(basis))):
            # Exact on accelerators too: one coefficient and one sign per feature.
            part = jnp.matmul(
                part.reshape(entry.channels, len(basis)),
                jnp.asarray(basis, weights.dtype),
                precision=jax.lax.Precision.HIGHEST,
            ).ravel()
        parts.append(part)
    return jax.lax.concatenate(parts, 0)


@functools.cache
def _invariants(group: Group, tensor_type: TensorType) -> np.ndarray:
    """The tensors that the group leaves alone, `(tensors, components)`."""
    bank = filter_basis(group, tensor_type, 1)
    return bank.array.reshape(len(bank), tensor_type.components(group.num_spatial_dims))


def _unreachable(kernel: Kernel, out_type: TensorType) -> str:
    window = "x".join(map(str, kernel.window))
    larger = [
        size
        for size in range(min(kernel.window) + 2, min(kernel.window) + 7, 2)
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
