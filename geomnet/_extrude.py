"""Fields of one dimension more that are constant along the new axis."""

import jax.numpy as jnp

from ._arguments import checked
from ._group import MAX_SPATIAL_DIMS
from ._image import GeometricImage
from ._signature import Signature


@checked
def extrude(image: GeometricImage, cells: int) -> GeometricImage:
    """The image on a grid with one axis more, constant along it.

    Vectors and tensors get a component along the new axis, which is zero: a plane flow
    as a flow in space.

    **Arguments:**

    - `image`: `(*grid, features)` in 1 or 2 dimensions, or with leading batch axes.
    - `cells`: the length of the new, last axis.

    **Returns:** the same signature on `(*grid, cells)`.

    **Raises:** `ValueError` if the image has three dimensions already, or a type of odd
    parity: see `check_extrudable`.
    """
    d = image.num_spatial_dims
    if d == MAX_SPATIAL_DIMS:
        raise ValueError(
            f"`image` has {d} spatial dimensions already: only fields of fewer can be "
            "extruded."
        )
    if cells < 1:
        raise ValueError(f"`cells` must be at least 1, got {cells}.")
    check_extrudable(image.signature, "extrude")
    parts = []
    leading = image.array.shape[:-1]
    for entry, where in zip(image.signature, image.signature.slices(d), strict=True):
        tensor = entry.type.tensor_shape(d)
        part = image.array[..., where].reshape(*leading, entry.channels, *tensor)
        widths = [(0, 0)] * (part.ndim - len(tensor)) + [(0, 1)] * len(tensor)
        parts.append(jnp.pad(part, widths).reshape(*leading, entry.features(d + 1)))
    array = jnp.concatenate(parts, axis=-1)[..., None, :]
    shape = (*leading, cells, array.shape[-1])
    return GeometricImage(image.signature, jnp.broadcast_to(array, shape), d + 1)


def check_extrudable(signature: Signature, where: str) -> None:
    """**Raises:** `ValueError` if a type changes its meaning with the dimension.

    A pseudoscalar of the plane is in space the third component of a pseudovector, and
    no field of type `"0-"`.
    """
    odd = [str(entry) for entry in signature if entry.type.parity < 0]
    if odd:
        raise ValueError(
            f"{where}: {', '.join(odd)} of '{signature}' means something else in one "
            "dimension more: a pseudoscalar of the plane becomes a component of a "
            "pseudovector. Use types of parity +; for a vorticity the antisymmetric "
            "tensor '2a+'."
        )
