"""Fifth-order weighted essentially non-oscillatory face values, WENO5-Z.

`WENO5Z` reconstructs from cell averages. In several dimensions, with one flux per face,
it is of second order, with small constants. `AWENO5Z` interpolates from values at the
cell centres and corrects the flux, which gives the fifth order in every dimension.
"""

import itertools
from collections.abc import Sequence
from typing import ClassVar

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from .._arguments import checked
from ._materialisation import in_one_function, materialised
from ._reconstruction import AbstractReconstruction, beside_faces, shifted
from ._rounding import rounded
from ._state import Conserved


class WENO5Z(AbstractReconstruction):
    """WENO-Z reconstruction from cell averages.

    **Reference:** Jiang and Shu (1996), J. Comput. Phys. 126; Borges et al. (2008),
    J. Comput. Phys. 227 (the weights, with exponent 2).
    """

    width: ClassVar[int] = 3
    bounded: ClassVar[bool] = False
    point_values: ClassVar[bool] = False

    @checked
    def __call__(
        self, values: Float[Array, " *padded"], axis: int
    ) -> tuple[Float[Array, " *faces"], Float[Array, " *faces"]]:
        """Left and right values at the faces.

        **Raises:** `TypeError` for another kind of argument.
        """
        return _faces(values, axis, _RECONSTRUCTION)


class AWENO5Z(AbstractReconstruction):
    """WENO-Z interpolation from values at cell centres, for corrected fluxes.

    The solver then adds `flux_correction`. True fifth order of the inviscid terms in
    any number of dimensions, in smooth flow; initial states and snapshots are values at
    the cell centres.

    **Reference:** Jiang, Shu and Zhang (2013), SIAM J. Sci. Comput. 35; Wang, Don, Li
    and Wang (2018), J. Sci. Comput. 77.
    """

    width: ClassVar[int] = 3
    bounded: ClassVar[bool] = False
    point_values: ClassVar[bool] = True

    @checked
    def __call__(
        self, values: Float[Array, " *padded"], axis: int
    ) -> tuple[Float[Array, " *faces"], Float[Array, " *faces"]]:
        """Left and right values at the faces.

        **Raises:** `TypeError` for another kind of argument.
        """
        return _faces(values, axis, _INTERPOLATION)


def flux_correction(flux: Conserved, axis: int) -> Conserved:
    """What a flux between point values lacks: -h²f″/24 + 7h⁴f⁗/5760 at the faces.

    `flux` is the inviscid flux at `n + 6` cell centres; the result has `n + 1` faces.
    Both derivatives come from the same six cells, to fourth and second order.
    """

    def correct(f: Float[Array, " *padded"]) -> Float[Array, " *faces"]:
        cells = beside_faces(f, axis, 3)
        pairs = [cells[i] + cells[5 - i] for i in range(3)]
        near = rounded((354 / 11520) * pairs[2]) + rounded((57 / 11520) * pairs[0])
        return near - rounded((411 / 11520) * pairs[1])

    return jax.tree.map(correct, flux)


# Of the three stencils: the face value minus the middle cell as a combination of the
# differences of neighbours (times a common denominator), and the linear weights.
_RECONSTRUCTION = (((-2.0, 5.0), (1.0, 2.0), (4.0, -1.0)), (1.0, 6.0, 3.0), 6.0)
_INTERPOLATION = (((-3.0, 7.0), (1.0, 3.0), (5.0, -1.0)), (1.0, 10.0, 5.0), 8.0)


def _faces(
    values: Float[Array, " *padded"], axis: int, stencils: tuple
) -> tuple[Float[Array, " *faces"], Float[Array, " *faces"]]:
    if in_one_function():
        cells = beside_faces(values, axis, 3)
        steps = [high - low for low, high in itertools.pairwise(cells)]
        _, left = _ends_of_cell(cells[2], steps[:4], stencils)
        right, _ = _ends_of_cell(cells[3], steps[1:], stencils)
        return left, right
    n = values.shape[axis]
    low, high = shifted(values, axis, 1)
    difference = high - low
    steps = [lax.slice_in_dim(difference, i, n - 4 + i, axis=axis) for i in range(4)]
    center = lax.slice_in_dim(values, 2, n - 2, axis=axis)
    lower, upper = _ends_of_cell(center, steps, stencils)
    left, _ = shifted(upper, axis, 1)
    _, right = shifted(lower, axis, 1)
    return left, right


def _ends_of_cell(
    center: Float[Array, " *cells"],
    steps: Sequence[Float[Array, " *cells"]],
    stencils: tuple,
) -> tuple[Float[Array, " *cells"], Float[Array, " *cells"]]:
    """The values at the lower and the upper end of cells, from four differences."""
    d1, d2, d3, d4 = steps
    weights = _nonlinear_weights(d1, d2, d3, d4, center)
    upper = center + materialised(_offset((d1, d2, d3, d4), weights, stencils), center)
    mirrored = _offset((-d4, -d3, -d2, -d1), weights[::-1], stencils)
    return center + materialised(mirrored, center), upper


def _nonlinear_weights(
    d1: Float[Array, " *cells"],
    d2: Float[Array, " *cells"],
    d3: Float[Array, " *cells"],
    d4: Float[Array, " *cells"],
    center: Float[Array, " *cells"],
) -> list[Float[Array, " *cells"]]:
    """1 + (τ/β)² of the three stencils: the smoother one is trusted more."""
    smoothness = [
        _smoothness(d2 - d1, rounded(3 * d2) - d1),
        _smoothness(d3 - d2, d3 + d2),
        _smoothness(d4 - d3, rounded(3 * d3) - d4),
    ]
    smoothness = [materialised(b, center) for b in smoothness]
    first, middle, last = smoothness
    span = jnp.abs(first - last)
    info = jnp.finfo(d1.dtype)
    # Relative to the flow, so that no choice of units matters and nothing overflows. In
    # uniform gas the root remains: the derivative of a quotient divides by its square.
    least = rounded(float(info.eps) * ((first + last) + middle))
    least = least + float(info.tiny) ** 0.5
    ratios = [span / (beta + least) for beta in smoothness]
    return [1 + rounded(r * r) for r in ratios]


def _smoothness(
    curvature: Float[Array, " *cells"], slope: Float[Array, " *cells"]
) -> Float[Array, " *cells"]:
    """Jiang and Shu's indicator β, Eq. 3.2-3.4."""
    return rounded((13 / 12) * curvature * curvature) + rounded(0.25 * slope * slope)


def _offset(
    differences: tuple[Float[Array, " *cells"], ...],
    weights: list[Float[Array, " *cells"]],
    stencils: tuple,
) -> Float[Array, " *cells"]:
    combinations, linear, denominator = stencils
    total, share = None, None
    for i, (first, second) in enumerate(combinations):
        one = rounded(first * differences[i]) + rounded(second * differences[i + 1])
        weight = rounded(linear[i] * weights[i])
        term = rounded(weight * one)
        total = term if total is None else total + term
        share = weight if share is None else share + weight
    return total / (denominator * share)
