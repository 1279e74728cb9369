"""States on both sides of each face from cell values: MUSCL with its limiters."""

import abc
from collections.abc import Callable
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from .._arguments import check_same_shape, checked
from ._materialisation import in_one_function, materialised

Limiter = Callable[[Float[Array, "*shape"], Float[Array, "*shape"]], Array]


class AbstractReconstruction(eqx.Module):
    """Turns cell values into the values on the left and right of each face."""

    # Ghost cells; whether faces stay between their neighbours; whether cells hold
    # values at their centres, so that fluxes need a correction, instead of averages.
    width: ClassVar[int]
    bounded: ClassVar[bool]
    point_values: ClassVar[bool]

    @abc.abstractmethod
    def __call__(
        self, values: Float[Array, " *padded"], axis: int
    ) -> tuple[Float[Array, " *faces"], Float[Array, " *faces"]]:
        """Left and right `values` at the `n + 1` faces along `axis` of `n + 2 width`
        cells.
        """


class FirstOrder(AbstractReconstruction):
    """Piecewise constant states (Godunov 1959): order 1, for comparison and rescue."""

    width: ClassVar[int] = 1
    bounded: ClassVar[bool] = True
    point_values: ClassVar[bool] = False

    @checked
    def __call__(
        self, values: Float[Array, " *padded"], axis: int
    ) -> tuple[Float[Array, " *faces"], Float[Array, " *faces"]]:
        """Left and right values at the faces.

        **Raises:** `TypeError` for another kind of argument.
        """
        return shifted(values, axis, 1)


class MUSCL(AbstractReconstruction):
    """Piecewise linear states with limited slopes, order 2 in smooth flow.

    **Arguments:**

    - `limiter`: a symmetric and odd function of the differences to the two neighbours:
      `monotonized_central` (the default), `van_leer` or `minmod`.

    **Reference:** van Leer (1979), J. Comput. Phys. 32; Toro (2009), Sec. 13.4.
    """

    limiter: Limiter = eqx.field(static=True, default=None)  # type: ignore[assignment]
    width: ClassVar[int] = 2
    bounded: ClassVar[bool] = True
    point_values: ClassVar[bool] = False

    def __init__(self, limiter: Limiter | None = None):
        self.limiter = monotonized_central if limiter is None else limiter

    @checked
    def __call__(
        self, values: Float[Array, " *padded"], axis: int
    ) -> tuple[Float[Array, " *faces"], Float[Array, " *faces"]]:
        """Left and right values at the faces.

        **Raises:** `TypeError` for another kind of argument.
        """
        if in_one_function():
            below, left, right, above = beside_faces(values, axis, 2)
            middle = right - left
            left = left + 0.5 * self.limiter(left - below, middle)
            return left, right - 0.5 * self.limiter(middle, above - right)
        n = values.shape[axis]
        low, high = shifted(values, axis, 1)
        difference = high - low
        center = lax.slice_in_dim(values, 1, n - 1, axis=axis)
        slope = self.limiter(*shifted(difference, axis, 1))
        half_slope = materialised(0.5 * slope, center)
        left, _ = shifted(center + half_slope, axis, 1)
        _, right = shifted(center - half_slope, axis, 1)
        return left, right


@checked
def minmod(a: Float[Array, "*shape"], b: Float[Array, "*shape"]) -> Array:
    """The smaller of two differences, or zero where their signs differ (Roe 1986): most
    dissipative.

    **Raises:** `ValueError` if `a` and `b` differ in shape; `TypeError` for another
    kind of argument.
    """
    check_same_shape(a=a, b=b)
    return jnp.maximum(jnp.minimum(a, b), 0) + jnp.minimum(jnp.maximum(a, b), 0)


@checked
def monotonized_central(a: Float[Array, "*shape"], b: Float[Array, "*shape"]) -> Array:
    """The central difference, at most twice the smaller one (van Leer 1977).

    **Raises:** `ValueError` if `a` and `b` differ in shape; `TypeError` for another
    kind of argument.
    """
    check_same_shape(a=a, b=b)
    # Half of it, as the face values need it: XLA folds the factors 2 and 1/2.
    quarter = 0.25 * (a + b)
    rising = jnp.maximum(jnp.minimum(jnp.minimum(a, b), quarter), 0)
    falling = jnp.minimum(jnp.maximum(jnp.maximum(a, b), quarter), 0)
    return 2 * (rising + falling)


@checked
def van_leer(a: Float[Array, "*shape"], b: Float[Array, "*shape"]) -> Array:
    """The harmonic mean of the differences: smooth, second order (van Leer 1974).

    **Raises:** `ValueError` if `a` and `b` differ in shape; `TypeError` for another
    kind of argument.
    """
    check_same_shape(a=a, b=b)
    product = a * b
    agree = product > 0
    return jnp.where(agree, 2 * product / jnp.where(agree, a + b, 1), 0)


def beside_faces(
    values: Float[Array, " *padded"], axis: int, width: int
) -> list[Float[Array, " *faces"]]:
    """The `2 width` cells beside each face along `axis`, from the lowest on."""
    n = values.shape[axis] - 2 * width + 1
    return [lax.slice_in_dim(values, i, i + n, axis=axis) for i in range(2 * width)]


def shifted(
    values: Float[Array, "..."], axis: int, distance: int
) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """All but the last, and all but the first, `distance` cells along `axis`."""
    n = values.shape[axis]
    low = lax.slice_in_dim(values, 0, n - distance, axis=axis)
    high = lax.slice_in_dim(values, distance, n, axis=axis)
    return low, high
