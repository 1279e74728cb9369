"""The one value type: an array whose last axis is typed by a signature."""

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Shaped

from ._arguments import check_grid, checked
from ._group import MAX_SPATIAL_DIMS
from ._index_symmetry import with_symmetries
from ._signature import Signature, TensorType

# Their arrays say `numpy()`.
_OTHER_LIBRARIES = ("torch", "tensorflow")


class GeometricImage(eqx.Module):
    """Scalars, vectors and tensors on a grid of cells.

    `array` has shape `(*grid, features)`. The last axis holds the entries of
    `signature` in order; within an entry `(channels, *tensor)` in row-major order.
    There is no batch axis in the library: `jax.vmap` is the caller's, and an image
    outside of it may carry leading batch axes, which every method here keeps.

    **Component i of a vector belongs to axis i of the grid**: with `array[i, j]` at
    `(x_i, y_j)`, component 0 is along x. Arrays `[y, x]` are turned by
    `GeometricImage.from_fields(..., axes="yx")`.

    `image["velocity"]` is the entry of that name, `(*grid, channels, *tensor)`;
    `image["1+"]` all vectors, whatever their names.
    """

    signature: Signature = eqx.field(static=True)
    array: Shaped[Array, "*grid features"]
    num_spatial_dims: int = eqx.field(static=True)

    @checked
    def __init__(
        self,
        signature: "Signature | str",
        array: Any,
        num_spatial_dims: int | None = None,
    ):
        """**Arguments:**

        - `signature`: what the last axis holds.
        - `array`: `(*grid, features)`, or with leading batch axes.
        - `num_spatial_dims`: needed only for batched images of scalars alone; else it
            follows from the number of features.

        **Raises:** `ValueError` if the last axis does not hold the signature;
        `TypeError` if `array` is no array.
        """
        self.signature = Signature(signature)
        _check_array(array)
        self.array = jnp.asarray(array) if isinstance(array, np.ndarray) else array
        self.num_spatial_dims = _find_dims(
            self.signature, tuple(np.shape(self.array)), num_spatial_dims
        )

    @staticmethod
    def from_fields(
        signature: "Signature | str",
        fields: Mapping[str, Any],
        num_spatial_dims: int,
        *,
        axes: str | None = None,
    ) -> "GeometricImage":
        """Collects named arrays into one image, in the order of the signature.

        **Arguments:**

        - `signature`: which fields, and in which order.
        - `fields`: for each entry's name an array `(*grid, channels, *tensor)`; the
            axis of channels may be left out where there is one channel.
        - `num_spatial_dims`: the axes of the grid, 1 to 3.
        - `axes`: how the arrays' grid is indexed: `"xy"` (the default) if axis 0 is x,
            to which component 0 of a vector belongs; `"yx"` for arrays `[y, x]` with
            components `(u_x, u_y)`, whose grid is turned; in space `"zyx"` and so on.

        **Raises:** `ValueError` if a field is missing, not in the signature, or has the
        wrong tensor axes or another grid.
        """
        sig = Signature(signature)
        unnamed = [str(entry) for entry in sig if not entry.name]
        if unnamed:
            raise ValueError(
                f"`signature` '{sig}' has unnamed entries ({', '.join(unnamed)}): "
                "name them, as in 'velocity:1+'."
            )
        if set(fields) != set(sig.names):
            raise ValueError(
                f"`fields` has {sorted(fields)}, the signature '{sig}' names "
                f"{sorted(sig.names)}."
            )
        parts = []
        for entry in sig:
            array = jnp.asarray(fields[entry.name])
            tensor = entry.type.tensor_shape(num_spatial_dims)
            trailing = (entry.channels, *tensor)
            if array.shape[array.ndim - len(trailing) :] == trailing:
                leading = array.shape[: array.ndim - len(trailing)]
            elif (
                entry.channels == 1
                and array.shape[array.ndim - len(tensor) :] == tensor
            ):
                leading = array.shape[: array.ndim - len(tensor)]
            else:
                raise ValueError(
                    f"Field {entry.name!r} of type '{entry.type}' needs trailing axes "
                    f"{trailing} (channels, *tensor), got shape {array.shape}."
                )
            array = array.reshape(*leading, entry.features(num_spatial_dims))
            parts.append(turned(array, num_spatial_dims, axes))
        grids = {part.shape[:-1] for part in parts}
        if len(grids) > 1:
            raise ValueError(
                f"The fields lie on different grids: {sorted(grids)}. All need one."
            )
        return GeometricImage(sig, jnp.concatenate(parts, axis=-1), num_spatial_dims)

    @property
    def grid(self) -> tuple[int, ...]:
        """The number of cells along each axis."""
        return self.array.shape[-1 - self.num_spatial_dims : -1]

    @property
    def spatial_axes(self) -> tuple[int, ...]:
        """The axes of `array` that are the grid, counted from the last."""
        return tuple(range(-1 - self.num_spatial_dims, -1))

    @property
    def features(self) -> int:
        """The length of the last axis."""
        return self.array.shape[-1]

    @property
    def dtype(self) -> Any:
        """The dtype of the array."""
        return self.array.dtype

    def fields(self) -> dict[str, Array]:
        """Every named entry, `(*grid, channels, *tensor)`."""
        return {name: self[name] for name in self.signature.names}

    def with_array(self, array: Array) -> "GeometricImage":
        """An image of the same signature with the numbers of `array`."""
        return GeometricImage(self.signature, array, self.num_spatial_dims)

    def with_signature(self, signature: "Signature | str") -> "GeometricImage":
        """The same numbers under the names of `signature`.

        **Raises:** `ValueError` if types or channels differ.
        """
        sig = Signature(signature)
        unnamed = [[(e.channels, e.type) for e in s] for s in (sig, self.signature)]
        if unnamed[0] != unnamed[1]:
            raise ValueError(
                f"`signature` '{sig}' does not have the types and channels of "
                f"'{self.signature}'. Only names can be changed."
            )
        return GeometricImage(sig, self.array, self.num_spatial_dims)

    def astype(self, dtype: Any) -> "GeometricImage":
        """The same image in another floating-point type, `dtype`."""
        return self.with_array(self.array.astype(dtype))

    def __getitem__(self, key: "str | TensorType") -> Array:
        d = self.num_spatial_dims
        if not isinstance(key, str | TensorType):
            raise TypeError(
                f"An image is asked by name or type, as in image['velocity'] or "
                f"image['1+'], got {key!r}. Cells are in `image.array`."
            )
        slices = self.signature.slices(d)
        if isinstance(key, str) and key.isidentifier():
            found = [
                (e, s)
                for e, s in zip(self.signature, slices, strict=True)
                if e.name == key
            ]
            tensor_type = found[0][0].type if found else None
        else:
            tensor_type = TensorType.parse(key)
            found = [
                (e, s)
                for e, s in zip(self.signature, slices, strict=True)
                if e.type == tensor_type
            ]
        if tensor_type is None or not found:
            raise KeyError(f"{key!r} is not in the signature '{self.signature}'.")
        parts = [self.array[..., s] for _, s in found]
        array = parts[0] if len(parts) == 1 else jnp.concatenate(parts, axis=-1)
        channels = sum(e.channels for e, _ in found)
        return array.reshape(*array.shape[:-1], channels, *tensor_type.tensor_shape(d))

    def __add__(self, other: "GeometricImage") -> "GeometricImage":
        return self._combine(other, jnp.add, "+")

    def __sub__(self, other: "GeometricImage") -> "GeometricImage":
        return self._combine(other, jnp.subtract, "-")

    def __mul__(self, factor: Any) -> "GeometricImage":
        if isinstance(factor, GeometricImage) or np.ndim(factor) != 0:
            raise TypeError(
                "An image is multiplied by one number. A product of fields makes new "
                "tensor types: use a layer for it."
            )
        return self.with_array(self.array * factor)

    __rmul__ = __mul__

    def __neg__(self) -> "GeometricImage":
        return self.with_array(-self.array)

    def _combine(self, other: Any, operation: Any, symbol: str) -> "GeometricImage":
        if not isinstance(other, GeometricImage):
            raise TypeError(
                f"`{symbol}` joins two GeometricImages, got {type(other).__name__}: "
                "adding a number to a vector would prefer a direction."
            )
        if self.signature != other.signature:
            raise ValueError(
                f"`{symbol}` needs equal signatures, got '{self.signature}' and "
                f"'{other.signature}'. `with_signature` changes names."
            )
        if self.array.shape != other.array.shape:
            raise ValueError(
                f"`{symbol}` needs equal shapes, got {self.array.shape} and "
                f"{other.array.shape}."
            )
        return self.with_array(operation(self.array, other.array))

    def __repr__(self) -> str:
        shape = tuple(getattr(self.array, "shape", ()))
        dtype = getattr(self.array, "dtype", type(self.array).__name__)
        return f"GeometricImage('{self.signature}', {dtype}{list(shape)})"


@checked
def concatenate(images: "list[GeometricImage]") -> GeometricImage:
    """The entries of several `images` on one grid, side by side; signatures are joined.

    **Raises:** `ValueError` if the grids differ or a name occurs twice.
    """
    if len({image.array.shape[:-1] for image in images}) != 1:
        shapes = [image.array.shape for image in images]
        raise ValueError(f"`images` must lie on one grid, got shapes {shapes}.")
    signature = images[0].signature
    for image in images[1:]:
        signature = signature + image.signature
    array = jnp.concatenate([image.array for image in images], axis=-1)
    return GeometricImage(signature, array, images[0].num_spatial_dims)


@checked
def random_image(
    signature: "Signature | str",
    grid: tuple[int, ...],
    *,
    key: jax.Array,
    dtype: Any = None,
) -> GeometricImage:
    """Standard normal numbers in every cell, for tests and examples.

    Independent, but for components that the symmetry of a type such as `"2s+"` makes
    equal, opposite or zero.

    **Arguments:**

    - `signature`: what the image holds.
    - `grid`: cells along each axis.
    - `key`: draws the numbers, in `dtype`.

    **Raises:** `TypeError` if the grid is no tuple of whole numbers, or the key none.
    """
    sig = Signature(signature)
    check_grid("grid", grid)
    shape = (*grid, sig.features(len(grid)))
    array = jax.random.normal(key, shape, dtype)
    return GeometricImage(sig, with_symmetries(array, sig, len(grid)), len(grid))


def _check_array(array: Any) -> None:
    """**Raises:** `TypeError` unless it is an array of JAX or NumPy, or its shape."""
    if isinstance(array, jax.Array | np.ndarray | jax.ShapeDtypeStruct):
        return
    if not (hasattr(array, "shape") and hasattr(array, "dtype")):
        raise TypeError(
            f"`array` must be an array (*grid, features), got {type(array).__name__}. "
            "Make one of numbers with `jax.numpy.asarray`."
        )
    # It looks like an array until a layer computes with it.
    library = type(array).__module__.partition(".")[0]
    host = "array.numpy()" if library in _OTHER_LIBRARIES else "numpy.asarray(array)"
    raise TypeError(
        f"`array` must be an array of JAX or NumPy, got {type(array).__name__} of "
        f"{library}. Turn it into one: `jax.numpy.asarray({host})`."
    )


def turned(array: Any, num_spatial_dims: int, axes: str | None) -> Any:
    """`(..., *grid, features)` from arrays whose grid is in the order `axes`."""
    d = num_spatial_dims
    wanted = "xyz"[:d]
    if axes is None or axes == wanted:
        return array
    if sorted(axes) != sorted(wanted):
        raise ValueError(
            f"`axes` must name each of {', '.join(wanted)} once, such as "
            f"'{wanted[::-1]}' for arrays [{', '.join(wanted[::-1])}], got {axes!r}."
        )
    batch = array.ndim - d - 1
    order = [batch + axes.index(name) for name in wanted]
    return array.transpose(*range(batch), *order, array.ndim - 1)


def _find_dims(
    signature: Signature, shape: tuple[int, ...], num_spatial_dims: int | None
) -> int:
    if not shape:
        raise ValueError("`array` must have shape (*grid, features), got a number.")
    options = {d: signature.features(d) for d in range(1, MAX_SPATIAL_DIMS + 1)}
    fitting = [d for d, n in options.items() if n == shape[-1] and d < len(shape)]
    if num_spatial_dims is None and len(fitting) > 1:
        # Scalars alone look the same in every dimension: no batch axis is assumed.
        fitting = [d for d in fitting if d == len(shape) - 1]
    elif num_spatial_dims is not None:
        fitting = [d for d in fitting if d == num_spatial_dims]
    if len(fitting) != 1:
        wanted = ", ".join(f"{n} in {d}D" for d, n in options.items())
        asked = f" with {num_spatial_dims=}" if num_spatial_dims is not None else ""
        raise ValueError(
            f"`array` of shape {shape}{asked} does not hold the signature "
            f"'{signature}': the shape must be (*grid, features) with features = "
            f"{wanted}. A batched image of scalars needs `num_spatial_dims`."
        )
    return fitting[0]
