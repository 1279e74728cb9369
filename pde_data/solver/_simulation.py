"""From a start to the requested times, in one compiled loop; failures are reported."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer
from jax.sharding import Mesh
from jaxtyping import Array, Bool, Float, Int, Shaped

from .._arguments import checked
from ._decomposition import Decomposition
from ._equations import CompressibleNavierStokes
from ._leg import begin, one_step, snapshot
from ._state import Conserved, Primitive


class SimulationError(RuntimeError):
    """A simulation that could not reach its final time with a physical state."""


class Trajectory(eqx.Module):
    """Snapshots of a flow, and how they were reached.

    **Arguments:**

    - `times`: of the snapshots, the first of which is the start.
    - `state`: arrays `(time, *grid)`.
    - `num_steps`: how many steps led to each snapshot from the one before it.
    - `failed`: whether the run broke down; the snapshots after that are NaN.
    """

    times: Float[Array, " time"]
    state: Primitive
    num_steps: Int[Array, " time"]
    failed: Bool[Array, ""]

    @property
    def density(self) -> Float[Array, " time *grid"]:
        """Density, `(time, *grid)`."""
        return self.state.density

    @property
    def pressure(self) -> Float[Array, " time *grid"]:
        """Pressure, `(time, *grid)`."""
        return self.state.pressure

    @property
    def velocity(self) -> Float[Array, " time *grid d"]:
        """Velocity, `(time, *grid, d)`."""
        return jnp.stack(self.state.velocity, axis=-1)

    @property
    def tracer(self) -> Float[Array, " time *grid"] | None:
        """The passive tracer, `(time, *grid)`, where there is one."""
        return self.state.tracer


@checked
def simulate(
    solver: CompressibleNavierStokes,
    start: Primitive,
    times: "Float[Array, ' time'] | np.ndarray | list[float] | tuple[float, ...]",
    *,
    max_steps: int = 1_000_000,
    throw: bool = True,
    mesh: Mesh | None = None,
) -> Trajectory:
    """The flow at `times`, of which the first is the time of `start`.

    The time step follows the flow and lands on every time exactly. A run that starts
    from a snapshot gives the same bits as one that goes through it. For several
    trajectories use `jax.vmap` (on an accelerator) or a loop (on a CPU, where it is
    faster, because no trajectory then waits for another); the compiled program is kept,
    and the bits are the same.

    One flow that is too large for a device, or too slow on one, is shared out over a
    `mesh`: each device steps its part of the box and exchanges ghost cells with its
    neighbours. The bits are those of one device, and the snapshots lie on the mesh.

    **Arguments:**

    - `solver`: the equations, on their grid.
    - `start`: on the solver's grid, with positive density and pressure.
    - `times`: `(time,)`, increasing, non-dimensional.
    - `max_steps`: bounds the steps between two snapshots.
    - `throw`: whether a breakdown raises; otherwise the result says that it `failed`.
    - `mesh`: devices of this process, along axes named "x", "y" and "z" as those of the
      grid, which they divide; a forcing or boundary of yours must say `local = True`.

    **Good values:** `mesh=jax.make_mesh((8,), ("x",))`, if each device keeps many more
    cells along the axis than the 2 to 3 that it needs from each neighbour.

    **Raises:** `ValueError` for times that do not increase, a start that does not fit
    the grid, or a mesh that does not; `TypeError` for what is no mesh; with `throw`,
    `SimulationError` if density or pressure lose their sign, a value is not finite, or
    `max_steps` is reached.
    """
    _check_start(solver, start)
    times = _check_times(times, start.density.dtype)
    result = _compiled(solver, start, times, max_steps, mesh)
    if throw:
        result = _raise_if_failed(result)
    return result


def simulate_in_program(
    solver: CompressibleNavierStokes,
    start: Primitive,
    times: "np.ndarray | tuple[float, ...]",
    length: int,
    max_steps: int,
    mesh: Mesh | None = None,
) -> Trajectory:
    """`simulate(..., throw=False)` by the program compiled for `length` times.

    Runs with fewer snapshots then share it: they end with intervals of no length.
    """
    _check_start(solver, start)
    number = len(times)
    checked = _check_times(times, start.density.dtype)
    padded = jnp.pad(checked, (0, length - number), mode="edge")
    run = _compiled(solver, start, padded, max_steps, mesh)
    if length == number:
        return run
    state = jax.tree.map(lambda x: x[:number], run.state)
    return Trajectory(checked, state, run.num_steps[:number], run.failed)


@checked
def fixed_steps(
    solver: CompressibleNavierStokes,
    start: Primitive,
    step: "float | Float[Array, '']",
    num_steps: int,
) -> Primitive:
    """The state after `num_steps` steps of equal length: differentiable both ways.

    Unlike `simulate` it may be differentiated in reverse mode, as its loop is a
    `lax.scan`.

    **Arguments:**

    - `solver`, `start`: as of `simulate`.
    - `step`: the length in time of each step. The caller answers for stability: see
      `solver.stable_step`.

    **Raises:** `ValueError` for a start that does not fit the grid.

    **Good values:** half of `solver.stable_step` of the start.
    """
    _check_start(solver, start)
    dtype = start.density.dtype
    step = jnp.asarray(step, dtype)

    def body(state: Conserved, index: Array) -> tuple[Conserved, None]:
        return solver.step(state, step, index.astype(dtype) * step), None

    first = solver.gas.conserved(start)
    last, _ = lax.scan(jax.checkpoint(body), first, jnp.arange(num_steps))
    return solver.gas.primitive(last)


def _compiled(
    solver: CompressibleNavierStokes,
    start: Primitive,
    times: Float[Array, " time"],
    max_steps: int,
    mesh: Mesh | None,
) -> Trajectory:
    limit = jnp.asarray(max_steps)
    if mesh is None:
        return _simulate(solver, start, times, limit, None)
    shared = Decomposition.of(mesh, solver)
    start, (solver, times, limit) = shared.placed(start, (solver, times, limit))
    return _simulate(solver, start, times, limit, shared)


@eqx.filter_jit
def _simulate(
    solver: CompressibleNavierStokes,
    start: Primitive,
    times: Float[Array, " time"],
    max_steps: Int[Array, ""],
    shared: Decomposition | None,
) -> Trajectory:
    if shared is None:
        return _trajectory(solver, start, times, max_steps)
    of_cells = Trajectory(False, True, False, False)  # type: ignore[arg-type]
    return shared.run(_trajectory, of_cells, solver, start, times, max_steps)


def _trajectory(
    solver: CompressibleNavierStokes,
    start: Primitive,
    times: Float[Array, " time"],
    max_steps: Int[Array, ""],
) -> Trajectory:
    def interval(
        carry: tuple[Primitive, Array], ends: tuple[Array, Array]
    ) -> tuple[tuple[Primitive, Array], tuple[Primitive, Array]]:
        (cells, failed), (start, end) = carry, ends
        leg = lax.while_loop(
            lambda leg: ~leg.arrived & ~leg.failed,
            lambda leg: one_step(solver, leg, end, max_steps),
            begin(solver, cells, end - start, failed),
        )
        cells = snapshot(solver, leg)
        return (cells, leg.failed), (cells, leg.num_steps)

    failed = begin(solver, start, jnp.zeros_like(times, shape=())).failed
    (_, failed), (later, counts) = lax.scan(
        interval, (start, failed), (times[:-1], times[1:])
    )
    state = jax.tree.map(lambda a, b: jnp.concatenate([a[None], b]), start, later)
    num_steps = jnp.concatenate([jnp.zeros_like(counts, shape=(1,)), counts])
    return Trajectory(times, state, num_steps, failed)


def _check_start(solver: CompressibleNavierStokes, start: Primitive) -> None:
    shape = solver.grid.shape
    if start.density.shape != shape:
        raise ValueError(
            f"`start` must live on the solver's grid {shape}, got a density of shape "
            f"{start.density.shape}; for several states use `jax.vmap`."
        )
    if len(start.velocity) != len(shape):
        raise ValueError(
            f"`start` must have {len(shape)} velocity components, "
            f"got {len(start.velocity)}."
        )


def _check_times(
    times: "Shaped[Array, ' time'] | np.ndarray | list[float] | tuple[float, ...]",
    dtype: np.dtype,
) -> Float[Array, " time"]:
    if isinstance(times, Tracer):
        return jnp.asarray(times, dtype)
    values = np.asarray(times, np.float64)
    if values.ndim != 1 or len(values) < 1:
        raise ValueError(f"`times` must be one-dimensional, got shape {values.shape}.")
    if not np.all(np.isfinite(values)) or not np.all(np.diff(values) > 0):
        raise ValueError("`times` must be finite and increasing.")
    return jnp.asarray(values, dtype)


def _raise_if_failed(result: Trajectory) -> Trajectory:
    message = (
        "The simulation broke down: density or pressure lost their sign, or the time "
        "step vanished. Lower `courant_number`, use `rusanov` or `minmod`, or check "
        "the start; `throw=False` returns what was reached."
    )
    if isinstance(result.failed, Tracer):
        return eqx.error_if(result, result.failed, message)
    if bool(np.any(result.failed)):
        first_cell = np.asarray(result.density).reshape(len(result.times), -1)[:, 0]
        good = np.asarray(result.times)[np.isfinite(first_cell)]
        raise SimulationError(f"{message} Last good time: {float(good[-1]):g}.")
    return result
