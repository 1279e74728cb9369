"""Any callable as a map of typed fields."""

from typing import Any

import equinox as eqx
import jax
import numpy as np

from .._group import Group
from .._image import GeometricImage
from .._signature import Signature
from ._callables import (
    Map,
    find_group,
    group_on,
    hashable,
    name_of,
    stated_signature,
    unwrapped,
)
from ._conversion import from_field, to_field
from ._field import Field

# Its refusals are about what a test gave: pytest shows the test.
__tracebackhide__ = True

_NOT_TRACEABLE = (
    jax.errors.TracerArrayConversionError,
    jax.errors.ConcretizationTypeError,
)


class FieldMap:
    """A callable f together with what it takes and gives: `Field -> Field`."""

    def __init__(
        self,
        f: Map,
        x: Any,
        group: Group | None,
        in_signature: "Signature | str | None",
        out_signature: "Signature | str | None",
        feature_axis: int,
    ):
        self.f = f
        is_image = isinstance(x, GeometricImage)
        self.group = find_group(f, group, x.grid if is_image else None)
        self._like = x
        self.feature_axis = feature_axis
        self._d = self.group.num_spatial_dims
        self.in_signature = _signature_of(f, x, in_signature)
        own = getattr(unwrapped(f), "out_signature", None)
        self._out_signature = out_signature if out_signature is not None else own
        self._static = hashable(f)
        self._compiled = True
        try:
            self.start = to_field(x, self.in_signature, self._d, feature_axis)
        except ValueError as error:
            raise ValueError(f"`x` is no '{self.in_signature}': {error}") from error
        if self.start.num_spatial_dims != self._d:
            raise ValueError(
                f"`x` has {self.start.num_spatial_dims} spatial dimensions, "
                f"{self.group} acts in {self._d}: pass a group of "
                f"{self.start.num_spatial_dims} dimensions."
            )
        if group is None:
            # On some grids a layer commutes with a part of its group alone.
            self.group = group_on(f, self.start.grid) or self.group

    @property
    def name(self) -> str:
        """What to call f in a message."""
        return name_of(self.f)

    def given(self, field: Field) -> Any:
        """The field as f takes it."""
        return from_field(field, self._like, self.feature_axis)

    def given_one(self, field: Field) -> Any:
        """One sample of a batch, as a map of samples takes it; `None` for others."""
        if isinstance(self._like, GeometricImage):
            return field.image()
        if not hasattr(self._like, "ndim"):
            return None
        # A sample has no axes of the batch, in front of the features or behind.
        axis = self.feature_axis % self._like.ndim - len(self.start.batch)
        return from_field(field, self._like, max(axis, 0))

    def __call__(self, field: Field) -> Field:
        """`f(field)`, compiled where JAX can trace f."""
        if self._compiled:
            try:
                return self.taken(_call(self._static, self.given(field)))
            except _NOT_TRACEABLE:
                # A NumPy function, or one that branches on values: run it as it is.
                self._compiled = False
        given = jax.tree.map(
            lambda leaf, original: (
                np.asarray(leaf) if isinstance(original, np.ndarray) else leaf
            ),
            self.given(field),
            self._like,
        )
        return self.taken(self.f(given))

    def taken(self, y: Any) -> Field:
        """What f gave, as a field.

        **Raises:** `ValueError` if its signature is not known or does not fit.
        """
        if isinstance(y, GeometricImage):
            return Field.of(y)
        signature = self._out_signature
        if signature is None:
            if isinstance(self._like, GeometricImage):
                raise TypeError(
                    f"{self.name} must give a GeometricImage, got {type(y).__name__}. "
                    "Or say what it holds, as in `out_signature='density:0+'`."
                )
            signature = self.in_signature
        # A number or vector for the whole grid, such as an energy or a force.
        sizes = np.shape(y) if hasattr(y, "shape") else None
        batch = len(self.start.batch)
        is_scalar = Signature(signature).features(self._d) == 1
        if (
            sizes is not None
            and is_scalar
            and len(sizes) == batch + self._d
            and sizes[-1] > 1
        ):
            return to_field(y[..., None], Signature(signature), self._d, -1)
        if sizes is not None and len(sizes) <= batch + 1:
            y = np.asarray(y).reshape(*sizes[:batch], *(1,) * self._d, -1)
            return to_field(y, Signature(signature), self._d, -1)
        try:
            return to_field(y, Signature(signature), self._d, self.feature_axis)
        except ValueError as error:
            raise ValueError(
                f"What {self.name} gives is no '{signature}': {error} If it holds "
                "something else, say so in `out_signature`."
            ) from error


@eqx.filter_jit
def _call(f: Map, x: Any) -> Any:
    # One compiled function for all checks: a second look at a model compiles nothing.
    return f(x)


def _signature_of(f: Map, x: Any, given: "Signature | str | None") -> Signature:
    if given is not None:
        return Signature(given)
    stated = x.signature if isinstance(x, GeometricImage) else stated_signature(f)
    if stated is None:
        raise ValueError(
            f"`in_signature` is needed, since `x` is no GeometricImage but "
            f"{type(x).__name__}: say what it holds, as in "
            "`in_signature='density:0+ velocity:1+'`."
        )
    return stated
