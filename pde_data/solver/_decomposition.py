"""One flow on several devices: each has a part of the box and steps it by itself.

The devices exchange ghost cells and the largest rate, from which all take the same
step. A maximum is exact and a ghost cell a copy, so the bits are those of one device.
"""

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jax import lax
from jax.core import Tracer
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Float

from .._arguments import shown
from ._boundary import SharedFace
from ._equations import CompressibleNavierStokes
from ._grid import Grid, PartOfGrid
from ._local import is_local
from ._state import Primitive

GRID = ("x", "y", "z")
"""The names of a mesh's axes along which the axes of a grid are shared out."""


def check_mesh(mesh: Any, names: Sequence[str] = GRID) -> Mesh:
    """The mesh, whose axes are automatic whatever those given are.

    **Raises:** `TypeError` for what is no mesh; `ValueError` for axes of other names
    and for devices of other processes.
    """
    if not isinstance(mesh, Mesh):
        raise TypeError(
            "`mesh` must be a `jax.sharding.Mesh`, such as "
            f"`jax.make_mesh(({jax.local_device_count()},), ('{names[0]}',))`, got "
            f"{shown(mesh)}."
        )
    others = [name for name in mesh.axis_names if name not in names]
    if others or not mesh.axis_names:
        hint = (
            " One flow has no 'batch': `generate` shares trajectories out along it."
            if "batch" in others
            else ""
        )
        raise ValueError(
            f"`mesh` has the axes {mesh.axis_names}, of which {others} are none of "
            f"{tuple(names)}: name them so, as in "
            f"`jax.make_mesh({mesh.devices.shape}, {tuple(names)[: mesh.devices.ndim]})"
            f"`.{hint}"
        )
    processes = {device.process_index for device in mesh.devices.flat}
    if processes != {jax.process_index()}:
        raise ValueError(
            f"`mesh` has devices of the processes {sorted(processes)}, and this is "
            f"process {jax.process_index()}: make it of `jax.local_devices()`, and "
            "give each process trajectories of its own, in a file of its own, with "
            "`generate` and a configuration of "
            "`shard=(jax.process_index() + 1, jax.process_count())`."
        )
    types = (AxisType.Auto,) * len(mesh.axis_names)
    return Mesh(mesh.devices, mesh.axis_names, axis_types=types)


@dataclasses.dataclass(frozen=True)
class Decomposition:
    """How the box of a flow is shared out over a mesh.

    **Arguments:**

    - `mesh`: as `check_mesh` gives it.
    - `names`: for each axis of the grid that of the mesh, `None` for one that stays
      whole.
    """

    mesh: Mesh
    names: tuple[str | None, ...]

    @staticmethod
    def of(mesh: Any, solver: CompressibleNavierStokes) -> "Decomposition":
        """**Raises:** as `check_mesh`; `ValueError` for a grid that can't be shared out
        so, and for a forcing or a boundary that is not known to be local.
        """
        mesh, sizes = check_mesh(mesh), dict(mesh.shape)
        d = solver.grid.num_spatial_dims
        names = tuple(name if sizes.get(name, 1) > 1 else None for name in GRID[:d])
        _check_grid(solver, sizes)
        faces = [face for pair in solver.boundary for face in pair]
        _check_local("forcing", [] if solver.forcing is None else [solver.forcing])
        _check_local("boundary", faces)
        return Decomposition(mesh, names)

    @property
    def parts(self) -> tuple[int, ...]:
        """Over how many devices each axis of the grid is shared out."""
        sizes = dict(self.mesh.shape)
        return tuple(1 if name is None else sizes[name] for name in self.names)

    def placed(self, start: Primitive, rest: Any) -> tuple[Primitive, Any]:
        """A start with its part on each device, and the rest whole on all."""
        return (
            _put(start, NamedSharding(self.mesh, PartitionSpec(*self.names))),
            _put(rest, NamedSharding(self.mesh, PartitionSpec())),
        )

    def run(
        self,
        simulate: Callable[..., Any],
        of_cells: Any,
        solver: CompressibleNavierStokes,
        start: Primitive,
        *rest: Array,
    ) -> Any:
        """`simulate(solver, start, *rest)`, of which each device does its part.

        `of_cells` says of each result whether it is of cells, after a leading axis.
        """
        numbers, static = eqx.partition(solver, eqx.is_array)

        def on_part(numbers: Any, start: Primitive, *rest: Array) -> Any:
            part = self._of_part(eqx.combine(numbers, static))
            return simulate(part, start, *rest)

        whole, cells = PartitionSpec(), PartitionSpec(*self.names)
        rows = PartitionSpec(None, *self.names)
        return jax.shard_map(
            on_part,
            mesh=self.mesh,
            in_specs=(whole, cells, *(whole,) * len(rest)),
            out_specs=jax.tree.map(lambda one: rows if one else whole, of_cells),
        )(numbers, start, *rest)

    def _of_part(self, solver: CompressibleNavierStokes) -> CompressibleNavierStokes:
        """The solver of a part: only its faces, and the force, know that it is one."""
        boundary = tuple(
            pair
            if name is None
            else tuple(SharedFace(face, name, parts) for face in pair)
            for pair, name, parts in zip(
                solver.boundary, self.names, self.parts, strict=True
            )
        )
        solver = eqx.tree_at(lambda s: s.boundary, solver, boundary)
        if solver.forcing is None:
            return solver
        force = ForcingOfPart(solver.forcing, self.names, self.parts)
        return eqx.tree_at(lambda s: s.forcing, solver, force)


class ForcingOfPart(eqx.Module):
    """A force on the cells of a device, told its part of the grid instead of all."""

    forcing: Callable
    names: tuple[str | None, ...] = eqx.field(static=True)
    parts: tuple[int, ...] = eqx.field(static=True)

    def __call__(
        self, state: Primitive, grid: Grid, time: Float[Array, ""]
    ) -> tuple[Array, ...]:
        """The acceleration; where cells lie is known before compilation, on the host in
        float64, so each device chooses among those of all parts.
        """
        shape = tuple(n // p for n, p in zip(grid.shape, self.parts, strict=True))

        def at(place: tuple[int, ...]) -> Callable[[Primitive, Array], Any]:
            first = tuple(i * n for i, n in zip(place, shape, strict=True))
            part = PartOfGrid(grid, shape, first)
            return lambda state, time: tuple(self.forcing(state, part, time))

        places = itertools.product(*map(range, self.parts))
        number = 0
        for name, parts in zip(self.names, self.parts, strict=True):
            here = 0 if name is None else lax.axis_index(name)
            number = number * parts + here
        return lax.switch(number, [at(place) for place in places], state, time)


def _check_grid(solver: CompressibleNavierStokes, sizes: dict[str, int]) -> None:
    grid = solver.grid.shape
    for name in GRID[len(grid) :]:
        if name in sizes:
            raise ValueError(
                f"`mesh` has the axis '{name}', but the grid {grid} has none: give "
                f"the axes {GRID[: len(grid)]} or some."
            )
    for name, cells in zip(GRID, grid, strict=False):
        parts, least = sizes.get(name, 1), max(2, solver.num_ghosts)
        fits = [n for n in range(2, parts) if cells % n == 0 and cells >= n * least]
        fewer = fits[-1] if fits else 1
        if cells % parts:
            raise ValueError(
                f"`mesh` shares the axis '{name}' out over {parts} devices, which do "
                f"not divide the {cells} cells of the grid {grid}: give it {fewer} "
                f"devices, or sides that are multiples of {parts}."
            )
        if parts > 1 and cells < parts * least:
            raise ValueError(
                f"`mesh` leaves {cells // parts} of the {cells} cells along "
                f"'{name}' to each of {parts} devices, and this scheme needs {least} "
                f"from a neighbour: give it {fewer} devices, or {parts * least} "
                "cells or more."
            )


def _check_local(name: str, functions: Sequence[object]) -> None:
    for function in functions:
        if not is_local(function):
            called = getattr(function, "__name__", type(function).__name__)
            raise ValueError(
                f"`{name}` ({called}) does not say whether a device can "
                "evaluate it from its own part of the grid: if it needs no other cell "
                "than that which it is for (a boundary: the cells across the face), "
                "give it the attribute `local = True`; else leave `mesh` out."
            )


def _put(tree: Any, sharding: NamedSharding) -> Any:
    def place(leaf: Any) -> Any:
        # What a caller's own compiled function has lies where that says.
        is_number = isinstance(leaf, jax.Array | np.ndarray)
        if not is_number or isinstance(leaf, Tracer):
            return leaf
        return jax.device_put(leaf, sharding)

    return jax.tree.map(place, tree)
