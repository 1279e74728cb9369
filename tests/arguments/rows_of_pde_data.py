"""For each public callable of `pde_data` arguments that are right."""

import pathlib
import tempfile
from typing import Any

import h5py
import jax
import jax.numpy as jnp
import matplotlib
import numpy as np

import pde_data

matplotlib.use("Agg")

KEY, GRID = jax.random.key(0), (8, 8)
SOLVER = pde_data.CompressibleNavierStokes(GRID)
ONE = jnp.ones(GRID)
STATE = pde_data.Primitive(ONE, (ONE, 0 * ONE), ONE)
FLUX = pde_data.Conserved(ONE, (ONE, 0 * ONE), 3 * ONE)
GAS = pde_data.IdealGas()
TIMES = np.array([0.0, 0.01])
SNAPSHOTS = np.ones((2, *GRID))
VELOCITIES = np.random.default_rng(0).normal(size=(2, *GRID, 2))
BOX = pde_data.Grid(GRID)
FOLDER = pathlib.Path(tempfile.mkdtemp())


def _written(path: pathlib.Path) -> pathlib.Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for name in ("density", "pressure", "Vx", "Vy"):
            file[name] = np.random.default_rng(0).uniform(1, 2, (2, 3, *GRID))
        for axis in "xy":
            file[f"{axis}-coordinate"] = (np.arange(8) + 0.5) / 8
        file["t-coordinate"] = np.arange(3.0)
    return path


PATH = _written(FOLDER / "data" / "train" / "flow.hdf5")
FLOW = pde_data.load(PATH)
SCRATCH = h5py.File(FOLDER / "scratch.hdf5", "w")


class NewName:
    """Another name for each data set that is made."""

    number = 0

    def make(self) -> str:
        self.number += 1
        return f"rows-{self.number}"


def rate(state, time):
    return state


DRAWN = {"solver": SOLVER, "key": KEY, "mach": 0.1}
GHOSTS = {"state": STATE, "axis": 0, "side": -1, "width": 2}
RIEMANN = {"left": STATE, "right": STATE, "axis": 0, "gas": GAS}
STEP = {"rate": rate, "state": FLUX, "time": jnp.zeros(()), "step": jnp.ones(())}
FIELDS = {"density": ONE, "velocity": (ONE, ONE), "pressure": ONE, "tracer": None}

ROWS: dict[str, dict[str, Any]] = {
    "pde_data.ABCForcing": {"amplitude": 1.0},
    "pde_data.AWENO5Z": {},
    "pde_data.CompressibleNavierStokes": {
        "grid": GRID,
        "gamma": 1.4,
        "shear_viscosity": 0.01,
        "bulk_viscosity": 0.0,
        "prandtl_number": None,
        "viscosity": "dynamic",
        "reconstruction": None,
        "riemann": pde_data.hllc,
        "stepper": pde_data.ssp_rk2,
        "viscous_stepper": None,
        "viscous_order": 2,
        "boundary": pde_data.periodic,
        "forcing": None,
        "courant_number": 0.5,
        "positivity": None,
    },
    "pde_data.Conserved": {
        "density": ONE,
        "momentum": (ONE, ONE),
        "energy": ONE,
        "tracer": None,
    },
    "pde_data.FarField": {
        "density": 1.0,
        "velocity": (0.0, 0.0),
        "pressure": 1.0,
        "tracer": 0.0,
    },
    "pde_data.FirstOrder": {},
    "pde_data.FlowData": {"files": [h5py.File(PATH)], "allow_external": False},
    "pde_data.Grid": {"shape": GRID, "extent": 1.0, "origin": 0.0},
    "pde_data.IdealGas": {"gamma": 1.4},
    "pde_data.IsothermalWall": {"temperature": 1.0},
    "pde_data.MUSCL": {"limiter": None},
    "pde_data.Primitive": FIELDS,
    "pde_data.StochasticForcing": {
        "num_spatial_dims": 2,
        "amplitude": 1.0,
        "max_mode": 1,
        "correlation_time": 0.5,
        "key": KEY,
    },
    "pde_data.UniformGravity": {"acceleration": (0.0, -1.0)},
    "pde_data.WENO5Z": {},
    "pde_data.certify": {
        "density": SNAPSHOTS,
        "velocity": VELOCITIES,
        "pressure": SNAPSHOTS,
        "gamma": 1.4,
    },
    "pde_data.check_file": {"path": PATH, "regenerate": 0, "progress": False},
    "pde_data.fixed_steps": {
        "solver": SOLVER,
        "start": STATE,
        "step": 0.001,
        "num_steps": 1,
    },
    "pde_data.hll": RIEMANN,
    "pde_data.hllc": RIEMANN,
    "pde_data.load": {"paths": PATH, "allow_external": False, "verify": False},
    "pde_data.low_mach": {"solver": pde_data.hllc},
    "pde_data.minmod": {"a": ONE, "b": ONE},
    "pde_data.monotonized_central": {"a": ONE, "b": ONE},
    "pde_data.no_slip_wall": GHOSTS,
    "pde_data.outflow": GHOSTS,
    "pde_data.periodic": GHOSTS,
    "pde_data.primitive": {
        "density": ONE,
        "velocity": jnp.ones((*GRID, 2)),
        "pressure": ONE,
        "tracer": None,
    },
    "pde_data.rusanov": RIEMANN,
    "pde_data.simulate": {
        "solver": SOLVER,
        "start": STATE,
        "times": TIMES,
        "max_steps": 100,
        "throw": True,
        "mesh": None,
    },
    "pde_data.slip_wall": GHOSTS,
    "pde_data.snapshot_continuity": {
        "times": TIMES,
        "extent": (1.0, 1.0),
        "density": SNAPSHOTS,
        "velocity": VELOCITIES,
        "pressure": SNAPSHOTS,
        "gamma": 1.4,
        "periodic": (True, True),
    },
    "pde_data.rkl2": {
        "rate": lambda state: rate(state, jnp.zeros(())),
        "state": FLUX,
        "step": jnp.ones(()),
        "fastest": jnp.ones(()),
    },
    "pde_data.ssp_rk2": STEP,
    "pde_data.ssp_rk3": STEP,
    "pde_data.van_leer": {"a": ONE, "b": ONE},
    # Known solutions.
    "pde_data.exact.isentropic_vortex": {
        "x": np.zeros(3),
        "y": np.zeros(3),
        "center": (5.0, 5.0),
        "strength": 5.0,
        "background": (1.0, 1.0),
        "gamma": 1.4,
    },
    # Files.
    "pde_data.formats.LazyArray": {"parts": [np.ones((2, 3))]},
    "pde_data.formats.create_rows": {
        "file": SCRATCH,
        "name": NewName(),
        "shape": (2, 3),
        "dtype": "float32",
    },
    "pde_data.formats.write_statistics": {"folder": FOLDER},
    # Initial states.
    "pde_data.initial.acoustic_pulses": {**DRAWN, "number": 2},
    "pde_data.initial.blast": {**DRAWN, "number": 1, "max_ratio": 10.0},
    "pde_data.initial.double_shear": {**DRAWN, "steepness": 80.0, "amplitude": 0.05},
    "pde_data.initial.gravity": {"state": STATE, "grid": BOX, "time": jnp.zeros(())},
    "pde_data.initial.implosion": DRAWN,
    "pde_data.initial.kelvin_helmholtz": {
        **DRAWN,
        "thickness": 0.025,
        "amplitude": 0.02,
    },
    "pde_data.initial.random_fourier": {
        **DRAWN,
        "max_mode": 1,
        "axis_aligned_modes": True,
        "window_probability": 0.5,
    },
    "pde_data.initial.rayleigh_taylor": {**DRAWN, "thickness": 0.02},
    "pde_data.initial.riemann_quadrants": {**DRAWN, "max_blocks": 2},
    "pde_data.initial.sharp_kelvin_helmholtz": {**DRAWN, "amplitude": 0.03},
    "pde_data.initial.shock_bubble": DRAWN,
    "pde_data.initial.taylor_green": {**DRAWN, "max_mode": 1},
    "pde_data.initial.turbulent": {
        **DRAWN,
        "max_mode": 2,
        "slope": 2.0,
        "compressive_fraction": 0.0,
    },
    "pde_data.initial.vortices": {**DRAWN, "number": 2},
    # Pictures.
    "pde_data.plot.animate": {
        "flow": FLOW,
        "path": FOLDER / "flow.gif",
        "trajectory": 0,
        "name": "density",
        "frames_per_second": 10,
    },
    "pde_data.plot.draw_gallery": {
        "states": {"a": (np.ones(GRID), np.ones((*GRID, 2)), np.ones(GRID))},
        "spacing": (0.1, 0.1),
        "path": FOLDER / "gallery.png",
        "periodic": {"a": (True, True)},
        "columns": 7,
    },
    "pde_data.plot.draw_snapshots": {
        "flow": FLOW,
        "path": FOLDER / "flow.png",
        "trajectory": 0,
        "number": 1,
    },
    "pde_data.plot.quantity": {
        "name": "density",
        "density": SNAPSHOTS,
        "velocity": VELOCITIES,
        "pressure": SNAPSHOTS,
        "spacing": (0.1, 0.1),
        "periodic": (True, True),
    },
}

ANSWERS: dict[str, Any] = {"pde_data.simulate": pde_data.SimulationError}

# Held by tests of the generator and its command line.
ELSEWHERE: set[str] = {
    "pde_data.GenerateConfig",
    "pde_data.generate",
    "pde_data.part_path",
    "pde_data.simulate_trajectory",
}
