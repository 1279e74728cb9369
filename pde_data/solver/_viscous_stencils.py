"""Means and derivatives on faces for viscous fluxes, of second and of fourth order.

`values` have `reach` ghost cells beyond every face of the box. What is made of them
lives on faces of `axis`, and has no ghost cells along the other axes.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

from jax import lax
from jaxtyping import Array, Float

from ._boundary import trimmed
from ._materialisation import materialised
from ._reconstruction import beside_faces, shifted
from ._rounding import rounded

ViscousOrder = Literal[2, 4]


class Stencils(NamedTuple):
    """What a viscous flux is made of, at one order."""

    reach: int
    """Ghost cells that are needed."""
    stiffness: float
    """The largest rate of diffusion over that of second order."""
    mean: Callable[[Array, int], Array]
    """`(values, axis)`: on the faces."""
    derivative: Callable[[Array, int, int, float], Array]
    """`(values, axis, along, spacing)`: ∂/∂x_along on the faces."""
    corrected: Callable[[Array, int, Array], Array]
    """`(flux, axis, cells)`: from point values on faces to a flux whose differences are
    the divergence, on the `n + 1` faces of the box; `cells` are any values."""


def _only_along(
    values: Float[Array, " *padded"], reach: int, *axes: int
) -> Float[Array, "..."]:
    """Without ghost cells but those of some axes."""
    return trimmed(values, [0 if a in axes else reach for a in range(values.ndim)])


def _second_mean(values: Float[Array, " *padded"], axis: int) -> Float[Array, "..."]:
    low, high = shifted(_only_along(values, 1, axis), axis, 1)
    return 0.5 * (low + high)


def _second_derivative(
    values: Float[Array, " *padded"], axis: int, along: int, spacing: float
) -> Float[Array, "..."]:
    """Compact, or the mean of central ones."""
    if along == axis:
        low, high = shifted(_only_along(values, 1, axis), axis, 1)
        return rounded((high - low) * (1 / spacing))
    # Pairs along `axis` first, so that both derivatives share the sums.
    low, high = shifted(values, axis, 1)
    below, above = shifted(low + high, along, 2)
    difference = _only_along(above, 1, axis, along) - _only_along(below, 1, axis, along)
    return rounded(difference * (0.25 / spacing))


def _fourth_mean(values: Float[Array, " *padded"], axis: int) -> Float[Array, "..."]:
    return _mean_of_four(_only_along(values, 3, axis), axis)


def _mean_of_four(values: Float[Array, "..."], axis: int) -> Float[Array, "..."]:
    a, b, c, d = beside_faces(values, axis, 2)
    return rounded((9 / 16) * (b + c)) - rounded((1 / 16) * (a + d))


def _fourth_derivative(
    values: Float[Array, " *padded"], axis: int, along: int, spacing: float
) -> Float[Array, "..."]:
    if along == axis:
        a, b, c, d = beside_faces(_only_along(values, 3, axis), axis, 2)
        near = rounded((27 / 24 / spacing) * (c - b))
        return near - rounded((1 / 24 / spacing) * (d - a))
    means = _mean_of_four(_only_along(values, 3, axis, along), axis)
    n = means.shape[along] - 6
    a, b, c, d = (lax.slice_in_dim(means, i, i + n, axis=along) for i in (1, 2, 4, 5))
    near = rounded((8 / 12 / spacing) * (c - b))
    return near - rounded((1 / 12 / spacing) * (d - a))


def _fourth_corrected(
    flux: Float[Array, " *faces"], axis: int, cells: Float[Array, " *padded"]
) -> Float[Array, "..."]:
    """F - h²F″/24, of faces of which there is one more at each end."""
    flux = materialised(flux, beside_faces(_only_along(cells, 3, axis), axis, 2)[1])
    below, above = shifted(flux, axis, 2)
    middle = lax.slice_in_dim(flux, 1, flux.shape[axis] - 1, axis=axis)
    return rounded((26 / 24) * middle) - rounded((1 / 24) * (below + above))


STENCILS: dict[int, Stencils] = {
    2: Stencils(1, 1.0, _second_mean, _second_derivative, lambda flux, *_: flux),
    # Of the shortest wave both differences give 7/6 of what the compact ones give.
    4: Stencils(3, 49 / 36, _fourth_mean, _fourth_derivative, _fourth_corrected),
}
