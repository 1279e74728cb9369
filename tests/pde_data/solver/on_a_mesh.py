"""What flows on a mesh of four devices are beside those on one, printed as JSON.

Run by `test_decomposition.py`, with the names of cases, each in single or in double
precision, and `refusals`, `breakdown`
or `program`.
"""

import dataclasses
import json
import sys

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh

import pde_data
from pde_data.generation._attempt import first_rate
from pde_data.solver import _simulation
from pde_data.solver._decomposition import Decomposition

AROUND = (pde_data.periodic, pde_data.periodic)
SLIP = (pde_data.slip_wall, pde_data.slip_wall)
MIXED = (pde_data.no_slip_wall, pde_data.outflow)
HOT = (pde_data.IsothermalWall(1.1), pde_data.IsothermalWall(0.9))
FAR = pde_data.FarField(1.0, (0.3, 0.1), 1.0, 0.5)
THICK = {"shear_viscosity": 0.01, "bulk_viscosity": 0.004, "prandtl_number": 0.7}
STIFF = {"shear_viscosity": 0.3, "viscous_stepper": pde_data.rkl2}
FALL = {"forcing": pde_data.UniformGravity((0.2, -1.0))}
SWIRL = {"forcing": pde_data.ABCForcing(0.5)}
RANDOM = {"forcing": pde_data.StochasticForcing(2, key=jax.random.key(3))}


@dataclasses.dataclass(frozen=True)
class Case:
    """A flow, and the devices along each axis of its mesh."""

    grid: tuple[int, ...]
    mesh: dict[str, int]
    scheme: str = "muscl"
    parts: dict = dataclasses.field(default_factory=dict)


CASES = {
    "walls": Case(
        (16, 8), {"x": 2, "y": 2}, parts=THICK | FALL | {"boundary": (AROUND, HOT)}
    ),
    "line": Case((16,), {"x": 4}, "weno5z", STIFF | {"boundary": (SLIP,)}),
    "box": Case(
        (8, 4, 6), {"z": 2, "x": 2}, parts=SWIRL | {"boundary": (AROUND, SLIP, AROUND)}
    ),
    # The longer ones.
    "stiff": Case((16, 8), {"x": 4}, parts=STIFF | {"boundary": (SLIP, AROUND)}),
    "low mach": Case(
        (24, 12),
        {"y": 4},
        "muscl-low-mach",
        THICK | {"viscosity": "kinematic", "boundary": (MIXED, AROUND)},
    ),
    "safe": Case(
        (24, 12), {"x": 2, "y": 2}, "safe", {"boundary": ((FAR, MIXED[1]), SLIP)}
    ),
    "weno": Case((24, 12), {"x": 4}, "weno5z", THICK | SWIRL),
    "walled weno": Case(
        (24, 12), {"y": 4}, "aweno5z", THICK | FALL | {"boundary": (AROUND, HOT)}
    ),
    "stiff weno": Case((24, 12), {"x": 2, "y": 2}, "aweno5z-low-mach", STIFF),
    "walled box": Case(
        (12, 6, 8),
        {"x": 2, "z": 2},
        parts=THICK | SWIRL | {"boundary": (AROUND, SLIP, HOT)},
    ),
    "weno box": Case((12, 6, 8), {"x": 4}, "aweno5z", THICK),
    "random": Case((16, 8), {"x": 2, "y": 2}, parts=RANDOM),
}


def solver_of(case):
    # No power of two, so that products with the spacing are rounded.
    grid = pde_data.Grid(case.grid, (1.0, 0.7, 1.3)[: len(case.grid)])
    parts = {**pde_data.SCHEMES[case.scheme], **case.parts}
    return pde_data.CompressibleNavierStokes(grid, 1.4, **parts)


def start_of(solver, dtype):
    """Smooth and random, with a tracer; two cells that are nearly empty."""
    random, centers = np.random.default_rng(0), solver.grid.centers()

    def wave():
        k, phase = random.integers(-2, 3, len(centers)), random.uniform(0, 7)
        lengths = solver.grid.extent
        angle = sum(a * x / n for a, x, n in zip(k, centers, lengths, strict=True))
        return np.sin(2 * np.pi * angle + phase)

    def field(values):
        return jnp.asarray(values, dtype)

    density, pressure = 1 + 0.3 * wave(), 1 + 0.3 * wave()
    for values in (density, pressure):
        values.flat[[1, -1]] = 0.02
    velocity = tuple(field(0.5 * wave()) for _ in centers)
    return pde_data.Primitive(field(density), velocity, field(pressure), field(wave()))


def mesh_of(case, kind):
    types = (kind,) * len(case.mesh)
    return jax.make_mesh(tuple(case.mesh.values()), tuple(case.mesh), axis_types=types)


def compared(case, dtype):
    """The largest difference from one device, relative to each field; what else."""
    solver = solver_of(case)
    start = start_of(solver, dtype)
    step = solver.courant_number / float(first_rate(solver, start))
    times = [0, 1.7 * step, 4.3 * step]
    one = pde_data.simulate(solver, start, times)
    found = {"difference": 0.0, "equal steps": True}
    for kind in (AxisType.Auto, AxisType.Explicit):
        mesh = mesh_of(case, kind)
        many = pde_data.simulate(solver, start, times, mesh=mesh)
        for a, b in zip(
            jax.tree.leaves(one.state), jax.tree.leaves(many.state), strict=True
        ):
            a, b = np.asarray(a), np.asarray(b)
            worst = float(np.abs(a - b).max() / np.abs(a).max())
            found["difference"] = max(found["difference"], worst)
        found["equal steps"] &= np.array_equal(one.num_steps, many.num_steps)
        names = ["xyz"[i] for i in range(len(case.grid))]
        spec = (None, *(n if n in case.mesh else None for n in names))
        sharding = jax.NamedSharding(mesh, jax.P(*spec))
        shared = many.density.sharding
        found["layout"] = shared.shard_shape(many.density.shape)[1:]
        assert shared.devices_indices_map(
            many.density.shape
        ) == sharding.devices_indices_map(many.density.shape)
    return found


def program():
    """How often the compiled program exchanges numbers between devices, by the way."""
    case = CASES["walls"]
    solver = solver_of(case)
    start = start_of(solver, np.float32)
    shared = Decomposition.of(mesh_of(case, AxisType.Explicit), solver)
    rest = (solver, jnp.linspace(0, 1, 3), jnp.asarray(9))
    start, (solver, times, limit) = shared.placed(start, rest)
    lower = _simulation._simulate.lower  # type: ignore[attr-defined]
    compiled = lower(solver, start, times, limit, shared).compile()
    text = compiled.compiled.as_text()
    kinds = ("all-gather", "all-to-all", "all-reduce", "collective-permute")
    counts = {kind: text.count(f" {kind}(") for kind in kinds}
    whole = f"f32[{','.join(map(str, case.grid))}]"
    return counts | {"whole fields": text.count(whole)}


def breakdown():
    """Whether a cell of one device stops all of them, and no snapshot follows it."""
    case = CASES["line"]
    solver = solver_of(case)
    start = start_of(solver, np.float32)
    found = []
    for value in (-1.0, np.nan):
        broken = dataclasses.replace(start, pressure=start.pressure.at[3].set(value))
        run = pde_data.simulate(
            solver, broken, [0, 0.1], throw=False, mesh=mesh_of(case, AxisType.Auto)
        )
        found.append(bool(run.failed) and bool(np.isnan(run.density[1]).all()))
    return found


def lost(state, grid, time):
    return tuple(0 * u + jnp.mean(u) for u in state.velocity)


def refusals():
    """What is said of each mesh that does not fit."""

    def refusal(grid, mesh, **parts):
        solver = pde_data.CompressibleNavierStokes(grid, **parts)
        start = start_of(solver, np.float32)
        try:
            pde_data.simulate(solver, start, [0, 0.1], mesh=mesh)
        except (TypeError, ValueError) as error:
            return f"{type(error).__name__}: {error}"
        return None

    def mesh(*names, shape=(4,)):
        return jax.make_mesh(shape, names)

    found = {
        "kind": refusal((8, 8), 4),
        "names": refusal((8, 8), mesh("data")),
        "batch": refusal((8, 8), mesh("batch", "x", shape=(2, 2))),
        "axis": refusal((8, 8), mesh("z")),
        "division": refusal((8, 6), mesh("y")),
        "halo": refusal((4, 8), mesh("x")),
        "wide halo": refusal((16, 8), mesh("y"), reconstruction=pde_data.WENO5Z()),
        "forcing": refusal((8, 8), mesh("x"), forcing=lost),
        "boundary": refusal((8, 8), mesh("x"), boundary=lambda *_: _[0]),
    }
    there = jax.process_index
    jax.process_index = lambda: 1
    found["processes"] = refusal((8, 8), mesh("x"))
    jax.process_index = there
    return found


def main(words):
    found = {}
    for word in words:
        name, _, dtype = word.partition(":")
        if name == "refusals":
            found[word] = refusals()
        elif name == "breakdown":
            found[word] = breakdown()
        elif name == "program":
            found[word] = program()
        else:
            with jax.enable_x64(dtype == "float64"):
                found[word] = compared(CASES[name], dtype)
    print(json.dumps(found))


if __name__ == "__main__":
    assert isinstance(jax.make_mesh((4,), ("x",)), Mesh)
    main(sys.argv[1:])
