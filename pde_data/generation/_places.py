"""Where trajectories are simulated: each on a device, or on several that share it."""

import contextlib
import dataclasses
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from ..solver._decomposition import GRID, Decomposition, check_mesh
from ._attempt import build_solver
from ._config import DRAWN, GenerateConfig

TRAJECTORIES = "batch"
"""The name of a mesh's axis along which trajectories are shared out."""


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a trajectory is simulated; by default where JAX puts it.

    **Arguments:**

    - `device`: what the mesh does not compute is computed there; `None` for any.
    - `mesh`: the devices that share the box of the flow; `None` where one has all.
    """

    device: Any = None
    mesh: Mesh | None = None

    @property
    def num_devices(self) -> int:
        """How many devices share a flow."""
        return 1 if self.mesh is None else self.mesh.size

    def here(self) -> contextlib.AbstractContextManager[Any]:
        """Within it, in one thread, this is where JAX computes."""
        if self.device is None:
            return contextlib.nullcontext()
        return jax.default_device(self.device)


SOMEWHERE = (Place(),)


def places_on(mesh: Any, config: GenerateConfig) -> tuple[Place, ...]:
    """The places of a mesh: one for each of its devices along "batch".

    **Raises:** `TypeError` for what is no mesh; `ValueError` for one that does not fit
    the configuration, this process, or its backend.
    """
    if mesh is None:
        return SOMEWHERE
    mesh = check_mesh(mesh, (TRAJECTORIES, *GRID))
    kinds = sorted({device.platform for device in mesh.devices.flat})
    if kinds != [jax.devices()[0].platform]:
        raise ValueError(
            f"`mesh` has devices of the kind {kinds}, and the file records the default "
            f"one, {jax.devices()[0].platform!r}: make it of `jax.local_devices()`."
        )
    names, devices = list(mesh.axis_names), mesh.devices
    if TRAJECTORIES in names:
        devices = np.moveaxis(devices, names.index(TRAJECTORIES), 0)
        names.remove(TRAJECTORIES)
    else:
        devices = devices[None]
    places = tuple(
        Place(own.flat[0], Mesh(own, names) if own.size > 1 else None)
        for own in (np.asarray(own) for own in devices)
    )
    if places[0].mesh is not None:
        Decomposition.of(places[0].mesh, _solver_like(config))
    return places


def _solver_like(config: GenerateConfig) -> Any:
    """One with the grid, the boundaries and the ghost cells of all trajectories."""
    explicit = dataclasses.replace(config, viscous_steps="explicit")
    given = {name: getattr(config, name) for name in DRAWN}
    least = {n: v[0] if isinstance(v, tuple) else v for n, v in given.items()}
    return build_solver(explicit, least, config.scheme)
