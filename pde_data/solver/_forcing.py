"""Accelerations that keep a flow moving: `(state, grid, time) -> one per axis`."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._arguments import checked
from ._grid import Grid
from ._state import Primitive


class UniformGravity(eqx.Module):
    """The same acceleration everywhere.

    **Arguments:**

    - `acceleration`: one number per axis, in lengths per time squared.

    **Good values:** `(0.0, -1.0)`, with the second axis pointing up.
    """

    acceleration: tuple[float, ...]
    local: ClassVar[bool] = True

    @checked
    def __call__(
        self, state: Primitive, grid: Grid, time: Float[Array, ""]
    ) -> tuple[Float[Array, " *grid"], ...]:
        """The acceleration of every cell of `grid`, for `state` at `time`.

        **Raises:** `ValueError` unless it has one component per axis; `TypeError` for
        another kind of argument.
        """
        if len(self.acceleration) != grid.num_spatial_dims:
            raise ValueError(
                f"`acceleration` must have {grid.num_spatial_dims} components, one per "
                f"axis, got {self.acceleration}."
            )
        return tuple(jnp.full_like(state.density, a) for a in self.acceleration)


class ABCForcing(eqx.Module):
    """The Arnold-Beltrami-Childress acceleration, steady and solenoidal.

    (sin z + cos y, sin x + cos z, sin y + cos x) in angles of the box, times
    `amplitude`/√3. In 2D the cells (cos y, sin x).

    **Arguments:**

    - `amplitude`: the root mean square of the acceleration.

    **Good values:** 0.1, that of the family "stirred".

    **Reference:** Dombre et al. (1986), J. Fluid Mech. 167, Eq. 1.1.
    """

    amplitude: float = 1.0
    local: ClassVar[bool] = True

    @checked
    def __call__(
        self, state: Primitive, grid: Grid, time: Float[Array, ""]
    ) -> tuple[Float[Array, " *grid"], ...]:
        """The acceleration of every cell of `grid`, for `state` at `time`.

        **Raises:** `ValueError` in 1D; `TypeError` for another kind of argument.
        """
        d, dtype = grid.num_spatial_dims, state.density.dtype
        if d < 2:
            raise ValueError(
                f"`grid` must have 2 or 3 axes, got {d}: in 1D no wave is solenoidal."
            )
        angles = [
            2 * np.pi * (x - x0) / length
            for x, x0, length in zip(
                grid.centers(), grid.origin, grid.extent, strict=True
            )
        ]
        if d == 2:
            parts = [np.cos(angles[1]), np.sin(angles[0])]
        else:
            x, y, z = angles
            parts = [
                np.sin(z) + np.cos(y),
                np.sin(x) + np.cos(z),
                np.sin(y) + np.cos(x),
            ]
        scale = self.amplitude / (1 if d == 2 else np.sqrt(3))
        return tuple(jnp.asarray(scale * part, dtype) for part in parts)


class StochasticForcing(eqx.Module):
    """Solenoidal stirring by random waves whose phases wander in time.

    Each mode 1 <= |k_i| <= `max_mode` has a random direction across k, a random phase
    and a random frequency of spread 1/`correlation_time`: a stationary random process
    in the limit of many modes, but a plain function of time, so that a run can be
    repeated, resumed and differentiated.

    **Arguments:**

    - `num_spatial_dims`: 2 or 3.
    - `amplitude`: the root mean square of the acceleration.
    - `max_mode`: the largest number of periods along an axis.
    - `correlation_time`: the time in which a phase forgets where it was.
    - `key`: from `jax.random.key`.

    **Raises:** `ValueError` for a number of dimensions or a time that has no meaning.

    **Reference:** in the manner of Eswaran and Pope (1988), Comput. Fluids 16, whose
    modes follow an Ornstein-Uhlenbeck process instead.
    """

    phases: Float[Array, " modes"]
    frequencies: Float[Array, " modes"]
    directions: Float[Array, " modes d"]
    amplitude: float = eqx.field(static=True)
    max_mode: int = eqx.field(static=True)
    local: ClassVar[bool] = True

    @checked
    def __init__(
        self,
        num_spatial_dims: int,
        *,
        amplitude: float = 1.0,
        max_mode: int = 2,
        correlation_time: float = 0.5,
        key: Array,
    ):
        if num_spatial_dims < 2:
            raise ValueError(
                f"`num_spatial_dims` must be 2 or 3, got {num_spatial_dims}: in 1D no "
                "wave is solenoidal."
            )
        if not correlation_time > 0:
            raise ValueError(
                f"`correlation_time` must be positive, got {correlation_time}."
            )
        self.amplitude, self.max_mode = float(amplitude), max_mode
        waves = jnp.asarray(_wave_numbers(max_mode, num_spatial_dims))
        keys = jax.random.split(key, 3)
        n = len(waves)
        self.phases = jax.random.uniform(keys[0], (n,)) * (2 * np.pi)
        self.frequencies = jax.random.normal(keys[1], (n,)) / correlation_time
        drawn = jax.random.normal(keys[2], (n, num_spatial_dims))
        unit = waves / jnp.linalg.norm(waves, axis=1, keepdims=True)
        unit = unit.astype(drawn.dtype)
        across = drawn - jnp.sum(drawn * unit, axis=1, keepdims=True) * unit
        self.directions = across / jnp.sqrt(jnp.sum(across**2) / 2)

    @checked
    def __call__(
        self, state: Primitive, grid: Grid, time: Float[Array, ""]
    ) -> tuple[Float[Array, " *grid"], ...]:
        """The acceleration of every cell of `grid`, for `state` at `time`.

        **Raises:** `TypeError` for another kind of argument.
        """
        dtype = state.density.dtype
        total = [jnp.zeros_like(state.density) for _ in state.velocity]
        centers = [
            jnp.asarray((x - x0) / length, dtype)
            for x, x0, length in zip(
                grid.centers(), grid.origin, grid.extent, strict=True
            )
        ]
        for i, wave in enumerate(_wave_numbers(self.max_mode, len(centers))):
            angle = self.phases[i] + self.frequencies[i] * time.astype(
                self.phases.dtype
            )
            angle = angle.astype(dtype)
            for k, x in zip(wave, centers, strict=True):
                angle = angle + float(2 * np.pi * k) * x
            direction = (self.amplitude * self.directions[i]).astype(dtype)
            total = [
                a + e * jnp.sin(angle) for a, e in zip(total, direction, strict=True)
            ]
        return tuple(total)


def _wave_numbers(max_mode: int, num_spatial_dims: int) -> np.ndarray:
    """One of each pair ±k, without zero, `(modes, d)`."""
    axes = [np.arange(-max_mode, max_mode + 1.0)] * num_spatial_dims
    waves = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    flat = waves.reshape(-1, num_spatial_dims)
    return flat[len(flat) // 2 + 1 :]
