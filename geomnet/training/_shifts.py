"""Random whole-cell shifts: what keeps the lattice of a stride out of a rollout."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

from .._arguments import checked
from .._image import GeometricImage
from ..models._contract import check_periodic


@checked
def shifted(
    model: Callable[..., GeometricImage], key: PRNGKeyArray
) -> Callable[..., GeometricImage]:
    """The `model` on a torus that is shifted by random numbers of cells, which `key`
    draws, and back.

    A network that halves its grid n times commutes with shifts by `2**n` cells only:
    what it does wrong lies on that lattice, and adds up in a rollout. Shifted by
    another number of cells at each step it does not. Exact on a torus.

    **Raises:** `ValueError`, when called, if the model says that an axis of the grid is
    not periodic.
    """

    def call(history: GeometricImage, *inputs: Any) -> GeometricImage:
        d = history.num_spatial_dims
        check_periodic(model, history.grid, "A random shift")
        cells = jax.random.randint(key, (d,), 0, jnp.asarray(history.grid))

        def moved(image: GeometricImage, by: Any) -> GeometricImage:
            return image.with_array(jnp.roll(image.array, by, image.spatial_axes))

        return moved(model(moved(history, cells), *inputs), -cells)

    return call
