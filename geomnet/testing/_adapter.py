"""Any callable as a map of typed fields: images, arrays, states, mappings, tuples."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from .._group import Group, check_group
from .._image import GeometricImage
from .._signature import Entry, Signature
from ._moving import Field

Map = Callable[[Any], Any]

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
        self.group = find_group(f, group)
        self._like = x
        self.feature_axis = feature_axis
        self._d = self.group.num_spatial_dims
        self.in_signature = _signature_of(f, x, in_signature)
        own = getattr(unwrapped(f), "out_signature", None)
        self._out_signature = out_signature if out_signature is not None else own
        self._static = hashable(f)
        self._compiled = True
        self.start = to_field(x, self.in_signature, self._d, feature_axis)
        if self.start.num_spatial_dims != self._d:
            raise ValueError(
                f"`x` has {self.start.num_spatial_dims} spatial dimensions, "
                f"{self.group} acts in {self._d}: pass a group of "
                f"{self.start.num_spatial_dims} dimensions."
            )
        stated = getattr(unwrapped(f), "equivariant_under", None)
        if group is None and stated is not None:
            # On some grids a layer commutes with a part of its group alone.
            self.group = stated(self.start.grid)

    @property
    def name(self) -> str:
        """What to call f in a message."""
        return name_of(self.f)

    def given(self, field: Field) -> Any:
        """The field as f takes it."""
        return like(field, self._like, self.feature_axis)

    def given_one(self, field: Field) -> Any:
        """One sample of a batch, as a map of samples takes it; `None` for others."""
        if isinstance(self._like, GeometricImage):
            return field.image()
        if not hasattr(self._like, "ndim"):
            return None
        batch = len(self.start.batch)
        axis = self.feature_axis
        return like(field, self._like, axis if axis < 0 else axis - batch)

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


def hashable(f: Any) -> Any:
    """f, or a function around it where f itself has no hash, as compiling needs."""
    if not isinstance(f, eqx.Module):
        try:
            hash(f)
        except TypeError:
            return lambda x: f(x)
    return f


def to_field(value: Any, signature: Signature, d: int, feature_axis: int) -> Field:
    """The numbers of an image, array, mapping, tuple or state as one field.

    **Raises:** `ValueError` if they do not hold the signature.
    """
    if isinstance(value, GeometricImage):
        if not value.signature.agrees_with(signature):
            raise ValueError(
                f"`in_signature` is '{signature}', the image has '{value.signature}'. "
                "Leave it out: an image knows its own."
            )
        return Field.of(value)
    if hasattr(value, "ndim"):
        is_scalar = signature.features(d) == 1
        if value.ndim == d and is_scalar and value.shape[feature_axis] > 1:
            value, feature_axis = value[..., None], -1
        if value.ndim < d + 1:
            raise ValueError(
                f"An array of '{signature}' must have shape (*batch, *grid, features) "
                f"with {d} axes of grid, got {tuple(value.shape)}."
            )
        array = np.moveaxis(np.asarray(value), feature_axis, -1)
        features = signature.features(d)
        if array.shape[-1] != features:
            raise ValueError(
                f"Axis {feature_axis} of an array of '{signature}' must have length "
                f"{features}, got shape {tuple(value.shape)}. `feature_axis` says "
                "which axis holds the features; channels first is `feature_axis=0`."
            )
        return Field(signature, array, d)
    parts = {
        entry.name or f"entry_{i}": _joined(part)
        for i, (entry, part) in enumerate(
            zip(signature, _parts(value, signature), strict=True)
        )
    }
    named = Signature(
        Entry(name, entry.channels, entry.type)
        for name, entry in zip(parts, signature, strict=True)
    )
    image = GeometricImage.from_fields(named, parts, d)
    return Field(signature, np.asarray(image.array), d)


def like(field: Field, original: Any, feature_axis: int) -> Any:
    """The field in the form of `original`: the inverse of `to_field`."""
    if isinstance(original, GeometricImage):
        return field.image()
    if hasattr(original, "ndim"):
        if original.ndim == field.num_spatial_dims:
            return jnp.asarray(field.array[..., 0])
        return jnp.asarray(np.moveaxis(field.array, -1, feature_axis))
    new = []
    d = field.num_spatial_dims
    slices = field.signature.slices(d)
    old_parts = _parts(original, field.signature)
    for entry, where, old in zip(field.signature, slices, old_parts, strict=True):
        shape = (entry.channels, *entry.type.tensor_shape(d))
        part = field.array[..., where].reshape(*field.array.shape[:-1], *shape)
        if isinstance(old, (tuple, list)):
            part = part.reshape(*part.shape[: part.ndim - len(shape)], -1)
            new.append(type(old)(jnp.asarray(part[..., i]) for i in range(len(old))))
        else:
            if np.ndim(old) == part.ndim - 1:
                part = part.reshape(*field.array.shape[:-1], *shape[1:])
            new.append(jnp.asarray(part))
    if isinstance(original, Mapping):
        moved = dict(zip(field.signature.names, new, strict=True))
        return {**original, **moved}
    if isinstance(original, (tuple, list)):
        return type(original)(new)
    names = field.signature.names
    return eqx.tree_at(lambda state: [getattr(state, n) for n in names], original, new)


def find_group(f: Map, group: Group | None) -> Group:
    """`group`, or else f's own.

    **Raises:** `ValueError` if there is none, `TypeError` if it is something else.
    """
    if group is not None:
        check_group(group)
    group = getattr(unwrapped(f), "group", None) if group is None else group
    if not isinstance(group, Group):
        raise ValueError(
            f"`group` is not given and {name_of(f)} has no `group` of its own. Pass "
            "the group to check, such as `group=geomnet.hyperoctahedral(2)`."
        )
    return group


def unwrapped(f: Any) -> Any:
    """What `jax.vmap`, `jax.jit`, their Equinox forms and `partial` were put around."""
    while True:
        if isinstance(f, functools.partial):
            f = f.func
        elif callable(getattr(f, "__wrapped__", None)):
            f = f.__wrapped__
        else:
            return f


def name_of(f: Any) -> str:
    """A function's name, or the class of anything else."""
    f = unwrapped(f)
    return getattr(f, "__name__", type(f).__name__)


def _signature_of(f: Map, x: Any, given: "Signature | str | None") -> Signature:
    if isinstance(x, GeometricImage):
        return x.signature if given is None else Signature(given)
    own = getattr(unwrapped(f), "in_signature", None)
    if given is None and own is None:
        raise ValueError(
            f"`in_signature` is needed, since `x` is no GeometricImage but "
            f"{type(x).__name__}: say what it holds, as in "
            "`in_signature='density:0+ velocity:1+'`."
        )
    return Signature(own if given is None else given)  # type: ignore[arg-type]


def _parts(value: Any, signature: Signature) -> list[Any]:
    """The entries' arrays, in the order of the signature."""
    if isinstance(value, (tuple, list)):
        if len(value) != len(signature):
            raise ValueError(
                f"A tuple of '{signature}' must hold {len(signature)} arrays, one for "
                f"each entry, got {len(value)}."
            )
        return list(value)
    unnamed = [str(entry) for entry in signature if not entry.name]
    if unnamed:
        raise ValueError(
            f"`signature` '{signature}' has unnamed entries ({', '.join(unnamed)}), so "
            f"they can't be found in {type(value).__name__}: name them, as in "
            "'velocity:1+'."
        )
    is_mapping = isinstance(value, Mapping)
    missing = [
        name
        for name in signature.names
        if not (name in value if is_mapping else hasattr(value, name))
    ]
    if missing:
        raise ValueError(
            f"{type(value).__name__} has no {', '.join(map(repr, missing))}, which "
            f"'{signature}' names."
        )
    return [
        value[name] if is_mapping else getattr(value, name) for name in signature.names
    ]


def _joined(part: Any) -> Any:
    """A tuple of components as one array, components last."""
    if isinstance(part, (tuple, list)):
        return np.stack([np.asarray(component) for component in part], axis=-1)
    return part
