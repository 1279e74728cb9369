"""Ghost cells: what lies outside each face of the box.

A boundary is a function `(state, axis, side, width) -> state` that returns the `width`
ghost cells beyond the face `side` (-1 lower, +1 upper) of `axis`. Ghost cells are
copies with signs, so corners do not depend on the order in which axes are filled.

Where devices share a box, this is the one place that knows of neighbours: a device has
a box of its own whose faces are `SharedFace`s, and all else is local.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Shaped

from .._arguments import check_axis, checked
from ._gas import as_scalar, named
from ._local import local
from ._materialisation import in_one_function
from ._rounding import rounded
from ._state import Primitive

T = TypeVar("T")
BoundaryCondition = Callable[[Primitive, int, int, int], Primitive]
# Those of the lower and of the upper face of an axis.
FacePair = tuple[BoundaryCondition, BoundaryCondition]


@local
@checked
def periodic(state: Primitive, axis: int, side: int, width: int) -> Primitive:
    """The box repeats. Both faces of an axis must be periodic, or neither.

    **Arguments:**

    - `state`: of the cells inside.
    - `axis`, `side`: which face: -1 is the lower one of an axis, +1 the upper.
    - `width`: how many ghost cells.

    **Raises:** `ValueError` for an axis that there is not; `TypeError` for another kind
    of argument.
    """
    return jax.tree.map(lambda x: _edge(x, axis, -side, width), state)


@local
@checked
def outflow(state: Primitive, axis: int, side: int, width: int) -> Primitive:
    """Zero gradient: waves leave (a supersonic one exactly, others nearly).

    **Arguments:** as of `periodic`.

    **Raises:** `ValueError` for an axis that there is not; `TypeError` for another kind
    of argument.
    """

    def repeat(x: Float[Array, "..."]) -> Float[Array, "..."]:
        edge = _edge(x, axis, side, 1)
        return jnp.broadcast_to(edge, _with_length(x.shape, axis, width))

    return jax.tree.map(repeat, state)


@local
@checked
def slip_wall(state: Primitive, axis: int, side: int, width: int) -> Primitive:
    """A reflecting wall: the mirror image, with the normal velocity reversed.

    **Arguments:** as of `periodic`.

    **Raises:** `ValueError` for an axis that there is not; `TypeError` for another kind
    of argument.
    """
    image = _mirror(state, axis, side, width)
    velocity = tuple(-u if i == axis else u for i, u in enumerate(image.velocity))
    return Primitive(image.density, velocity, image.pressure, image.tracer)


@local
@checked
def no_slip_wall(state: Primitive, axis: int, side: int, width: int) -> Primitive:
    """A wall at rest that the gas sticks to; adiabatic (no heat passes).

    **Arguments:** as of `periodic`.

    **Raises:** `ValueError` for an axis that there is not; `TypeError` for another kind
    of argument.
    """
    image = _mirror(state, axis, side, width)
    velocity = tuple(-u for u in image.velocity)
    return Primitive(image.density, velocity, image.pressure, image.tracer)


class IsothermalWall(eqx.Module):
    """A wall at rest that the gas sticks to, held at one temperature.

    **Arguments:**

    - `temperature`: p/ρ at the wall, positive.

    **Raises:** `ValueError` for another temperature.

    **Good values:** 1, where the gas starts with density 1 and pressure 1.

    The ghost temperature is Tw²/T, which meets Tw at the face to second order and,
    unlike 2Tw - T, is always positive.
    """

    temperature: Shaped[np.ndarray, ""] | Shaped[Array, ""] = eqx.field(
        converter=named("temperature")
    )
    local: ClassVar[bool] = True

    def __check_init__(self):
        if isinstance(self.temperature, np.ndarray) and not self.temperature > 0:
            raise ValueError(f"`temperature` must be positive, got {self.temperature}.")

    @checked
    def __call__(self, state: Primitive, axis: int, side: int, width: int) -> Primitive:
        """The ghost cells beyond one face.

        **Arguments:** as of `periodic`.

        **Raises:** `ValueError` for an axis that there is not; `TypeError` for another
        kind of argument.
        """
        image = no_slip_wall(state, axis, side, width)
        wall = as_scalar(self.temperature, image.density.dtype)
        density = rounded(image.pressure * image.temperature * (1 / wall**2))
        return Primitive(density, image.velocity, image.pressure, image.tracer)


class FarField(eqx.Module):
    """A prescribed uniform state outside: inflow, or the far end of a wave.

    **Arguments:**

    - `density`, `pressure`: positive, non-dimensional.
    - `velocity`: one number per axis.
    - `tracer`: per unit mass, where the gas carries one.
    """

    density: Shaped[np.ndarray, ""] | Shaped[Array, ""] = eqx.field(
        converter=named("density")
    )
    velocity: tuple[float, ...]
    pressure: Shaped[np.ndarray, ""] | Shaped[Array, ""] = eqx.field(
        converter=named("pressure")
    )
    tracer: float = 0.0
    local: ClassVar[bool] = True

    @checked
    def __call__(self, state: Primitive, axis: int, side: int, width: int) -> Primitive:
        """The ghost cells beyond one face.

        **Arguments:** as of `periodic`.

        **Raises:** `ValueError` for a velocity of other components than the state;
        `TypeError` for another kind of argument.
        """
        if len(self.velocity) != len(state.velocity):
            raise ValueError(
                f"`velocity` of the far field must have {len(state.velocity)} "
                f"components, got {len(self.velocity)}."
            )
        shape = _with_length(state.density.shape, axis, width)
        dtype = state.density.dtype
        return Primitive(
            jnp.full(shape, self.density, dtype),
            tuple(jnp.full(shape, u, dtype) for u in self.velocity),
            jnp.full(shape, self.pressure, dtype),
            None if state.tracer is None else jnp.full(shape, self.tracer, dtype),
        )


def face_pairs(
    boundary: BoundaryCondition | Sequence[FacePair],
    num_axes: int,
) -> tuple[FacePair, ...]:
    """The lower and the upper boundary of each axis.

    **Raises:** `ValueError` for another number of them, and for a periodic face
    opposite to one that is not.
    """
    if callable(boundary):
        return ((boundary, boundary),) * num_axes
    faces = tuple(tuple(pair) for pair in boundary)
    if len(faces) != num_axes or any(len(pair) != 2 for pair in faces):
        raise ValueError(
            f"`boundary` must be one boundary, or {num_axes} pairs (lower, upper), one "
            f"per axis; got {len(faces)} entries."
        )
    for axis, (lower, upper) in enumerate(faces):
        if (lower is periodic) != (upper is periodic):
            raise ValueError(
                f"`boundary` of axis {axis}: `periodic` must stand on both faces."
            )
    return faces  # type: ignore[return-value]


class SharedFace(eqx.Module):
    """A face of the part of a box that one device of a mesh has.

    **Arguments:**

    - `boundary`: that of the whole box, which lies beyond its last device alone.
    - `name`, `parts`: the axis of the mesh, and how many devices share the box along
      it.
    """

    boundary: BoundaryCondition
    name: str = eqx.field(static=True)
    parts: int = eqx.field(static=True)

    def __call__(self, state: Primitive, axis: int, side: int, width: int) -> Primitive:
        """The cells of the next device, or the ghost cells beyond the box."""
        around = self.boundary is periodic
        ways = [(i, i - side) for i in range(self.parts)]
        ways = [(i, j % self.parts) for i, j in ways if around or 0 <= j < self.parts]
        # What lies beyond a periodic box is what its neighbour must be sent.
        sent, form = jax.tree.flatten(periodic(state, axis, side, width))
        # In one message: halos are small, so that each costs the time to begin it.
        received = lax.ppermute(jnp.stack(sent), self.name, ways)
        beyond = jax.tree.unflatten(form, list(received))
        if around:
            return beyond
        return at_end(self, side, self.boundary(state, axis, side, width), beyond)


def of_box(boundary: BoundaryCondition) -> BoundaryCondition:
    """The boundary of the whole box, whose face may be shared."""
    return boundary.boundary if isinstance(boundary, SharedFace) else boundary


def at_end(boundary: BoundaryCondition, side: int, there: T, elsewhere: T) -> T:
    """What holds at a face of the box, and what on devices whose face is inside."""
    if not isinstance(boundary, SharedFace):
        return there
    last = 0 if side < 0 else boundary.parts - 1
    is_here = lax.axis_index(boundary.name) == last
    return jax.tree.map(lambda a, b: jnp.where(is_here, a, b), there, elsewhere)


def largest(
    values: Float[Array, "..."], boundaries: tuple[FacePair, ...]
) -> Float[Array, ""]:
    """The largest value in the whole box; NaN or infinite where there is a NaN."""
    most = jnp.max(values)
    names = tuple(x.name for x, _ in boundaries if isinstance(x, SharedFace))
    # Exact, but between devices a maximum may lose a NaN.
    return lax.pmax(jnp.where(jnp.isnan(most), jnp.inf, most), names) if names else most


def with_ghosts(
    state: Primitive, width: int, boundaries: tuple[FacePair, ...]
) -> Primitive:
    """The state with `width` ghost cells beyond every face, corners included."""
    for axis, (lower, upper) in enumerate(boundaries):
        if lower is periodic and in_one_function():
            state = jax.tree.map(partial(_repeated, axis=axis, width=width), state)
            continue
        below = lower(state, axis, -1, width)
        above = upper(state, axis, +1, width)
        state = jax.tree.map(
            lambda a, b, c, axis=axis: lax.concatenate([a, b, c], axis),
            below,
            state,
            above,
        )
    return state


def _repeated(x: Float[Array, "..."], axis: int, width: int) -> Float[Array, "..."]:
    """A periodic array with ghost cells, which are looked up and never stored."""
    n = x.shape[axis]
    where = (lax.iota(jnp.int32, n + 2 * width) + (n - width)) % n
    places = (slice(None),) * axis + (where,)
    return x.at[places].get(mode="promise_in_bounds")


def trimmed(x: Float[Array, "..."], cells: Sequence[int]) -> Float[Array, "..."]:
    """Without so many cells at both ends of each axis, such as ghost cells."""
    for axis, (n, cut) in enumerate(zip(x.shape, cells, strict=True)):
        if cut > 0:
            x = lax.slice_in_dim(x, cut, n - cut, axis=axis)
    return x


def trimmed_beside(
    x: Float[Array, " *padded"], axis: int, width: int, along: int
) -> Float[Array, "..."]:
    """Without `along` ghost cells on `axis` and `width` on every other axis."""
    return trimmed(x, [along if other == axis else width for other in range(x.ndim)])


def _edge(
    x: Float[Array, "..."], axis: int, side: int, width: int
) -> Float[Array, "..."]:
    check_axis("axis", axis, x.ndim)
    n = x.shape[axis]
    start = 0 if side < 0 else n - width
    return lax.slice_in_dim(x, start, start + width, axis=axis)


def _mirror(state: Primitive, axis: int, side: int, width: int) -> Primitive:
    return jax.tree.map(lambda x: jnp.flip(_edge(x, axis, side, width), axis), state)


def _with_length(shape: tuple[int, ...], axis: int, length: int) -> tuple[int, ...]:
    return (*shape[:axis], length, *shape[axis + 1 :])
