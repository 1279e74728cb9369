"""Generation of a file of trajectories: streamed, resumable, certified."""

import dataclasses
import importlib.metadata
import os
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np

from ._certificate import Certificate, certify
from ._config import GenerateConfig
from ._schemes import (
    FAMILIES,
    build_solver,
    check_names,
    draw_parameters,
    trajectory_key,
)
from ._simulate import SimulationError, Trajectory, simulate
from .formats import _pdebench
from .formats._open import CONFIG, open_hdf5
from .formats._rows import STATUS, RowWriter, create_rows

MAX_DRAWS = 3
SAFE_SCHEME = "safe"


def generate(config: GenerateConfig, path: str | Path, progress: bool = False) -> Path:
    """Simulate the trajectories of `config` into the file `path`, and return the path.

    A complete file of the same configuration is reused. An unfinished one
    (`path` + ".partial") is resumed; the result has the same bytes as if it had never
    stopped. Each trajectory is durable once simulated, so interrupting or killing the
    process loses at most the one under way.

    A trajectory that breaks down is tried again with the scheme "safe", then redrawn
    with a new key; both are recorded in `generation/` of the file. Nothing broken is
    ever stored.

    **Raises:** `ValueError` for an impossible configuration; `FileExistsError` for a
    file of another configuration or kind; `OSError` if the disk is full;
    `SimulationError` if no draw of a trajectory survives.
    """
    check_names(config)
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {path.parent}; make it first.")
    if path.exists():
        _refuse_foreign(path, config)
        return path
    partial = path.with_name(path.name + ".partial")
    if partial.exists():
        _refuse_foreign(partial, config)
    else:
        _create(partial, config)
    with RowWriter(partial) as writer:
        writer.reserve()
        pending = [i for i in range(config.trajectories) if not writer.stored[i]]
        done = config.trajectories - len(pending)
        for index in _with_progress(pending, done, config.trajectories, progress):
            writer.write(index, simulate_trajectory(config, index))
    os.replace(partial, path)
    return path


def simulate_trajectory(config: GenerateConfig, index: int) -> dict[str, np.ndarray]:
    """The rows of trajectory `index`, the same bits alone or among others.

    **Raises:** `SimulationError` if neither scheme survives any of three draws.
    """
    with jax.enable_x64(config.precision == "float64"):
        for draw in range(MAX_DRAWS):
            key = trajectory_key(config, index, draw)
            parameters = draw_parameters(config, key)
            for scheme in dict.fromkeys((config.scheme, SAFE_SCHEME)):
                run, solver = _attempt(config, key, parameters, scheme)
                if bool(run.failed):
                    continue
                fields = _stored_fields(run, solver.gas.gamma, config)
                certificate = certify(*fields, config.gamma)
                if not certificate.physical:
                    continue
                steps = int(np.sum(np.asarray(run.num_steps)))
                retried = int(scheme != config.scheme)
                rows = _pdebench.rows(*fields)
                rows |= _notes(parameters, certificate, steps, draw, retried)
                return rows
    raise SimulationError(
        f"Trajectory {index} broke down with {MAX_DRAWS} draws and the scheme "
        f"{SAFE_SCHEME!r}: lower `mach`, raise the viscosities or refine `grid`."
    )


def _attempt(
    config: GenerateConfig, key: Any, parameters: dict[str, float], scheme: str
) -> tuple[Trajectory, Any]:
    solver = build_solver(config, parameters, scheme)
    family = FAMILIES[config.family]
    start = family(solver, jax.random.fold_in(key, 0), mach=parameters["mach"])
    return simulate(solver, start, config.times, throw=False), solver


def _stored_fields(
    run: Trajectory, gamma: Any, config: GenerateConfig
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Density, velocity and pressure on the stored grid, in the stored precision."""
    density, velocity, pressure = (
        np.asarray(x) for x in (run.density, run.velocity, run.pressure)
    )
    if config.refinement > 1:
        density, velocity, pressure = _coarsen(
            density, velocity, pressure, float(gamma), config.refinement
        )
    dtype = config.dtype
    return density.astype(dtype), velocity.astype(dtype), pressure.astype(dtype)


def _coarsen(
    density: np.ndarray,
    velocity: np.ndarray,
    pressure: np.ndarray,
    gamma: float,
    factor: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Averages of the conserved variables over blocks of cells, as primitive ones."""
    density, velocity, pressure = (
        np.asarray(x, np.float64) for x in (density, velocity, pressure)
    )
    kinetic = 0.5 * density * np.sum(velocity**2, axis=-1)
    energy = _block_mean(pressure / (gamma - 1) + kinetic, factor)
    mass = _block_mean(density, factor)
    momentum = np.stack(
        [
            _block_mean(density * velocity[..., i], factor)
            for i in range(velocity.shape[-1])
        ],
        axis=-1,
    )
    mean_velocity = momentum / mass[..., None]
    kinetic = 0.5 * mass * np.sum(mean_velocity**2, axis=-1)
    return mass, mean_velocity, (gamma - 1) * (energy - kinetic)


def _block_mean(values: np.ndarray, factor: int) -> np.ndarray:
    """The mean over blocks of `factor` cells along each axis but the first."""
    for axis in range(1, values.ndim):
        shape = values.shape
        blocks = (*shape[:axis], shape[axis] // factor, factor, *shape[axis + 1 :])
        values = values.reshape(blocks).mean(axis=axis + 1)
    return values


def _notes(
    parameters: dict[str, float],
    certificate: Certificate,
    steps: int,
    draw: int,
    retried: int,
) -> dict[str, np.ndarray]:
    notes: dict[str, Any] = {f"parameters/{k}": v for k, v in parameters.items()}
    notes |= {
        f"certificate/{k}": v for k, v in _certificate_fields(certificate).items()
    }
    notes |= {
        "generation/num_steps": steps,
        "generation/draw": draw,
        "generation/safe_scheme": retried,
    }
    return {name: np.asarray(value) for name, value in notes.items()}


def _certificate_fields(certificate: Certificate) -> dict[str, float]:
    fields = dataclasses.asdict(certificate)
    del fields["finite"]  # Nothing else is stored.
    return fields


def _create(path: Path, config: GenerateConfig) -> None:
    """An empty file with all its metadata, which appears under `path` when whole."""
    import h5py

    staging = path.with_name(path.name + ".new")
    with h5py.File(staging, "w") as file:
        _pdebench.create(file, config)
        n = (config.trajectories,)
        for name in ("mach", "shear_viscosity", "bulk_viscosity"):
            create_rows(file, f"parameters/{name}", n, np.float64)
        for field in dataclasses.fields(Certificate):
            if field.name != "finite":
                create_rows(file, f"certificate/{field.name}", n, np.float64)
        for name in ("num_steps", "draw", "safe_scheme"):
            create_rows(file, f"generation/{name}", n, np.int32)
        create_rows(file, STATUS, n, np.uint8)
        file.attrs[CONFIG] = config.to_json()
        for name, value in _provenance(config).items():
            file.attrs[name] = value
    os.replace(staging, path)


def _provenance(config: GenerateConfig) -> dict[str, Any]:
    """Who made the file, with what; nothing that differs between two equal runs."""
    return {
        "generator": "pde_data",
        "generator_version": _version(),
        "jax_version": jax.__version__,
        "platform": f"{jax.default_backend()} {platform.machine()}",
        "seed": config.seed,
        "gamma": config.gamma,
        "threefry_partitionable": bool(jax.config.jax_threefry_partitionable),
    }


def _version() -> str:
    try:
        return importlib.metadata.version("geomnet")
    except importlib.metadata.PackageNotFoundError:
        return "uninstalled"


def _refuse_foreign(path: Path, config: GenerateConfig) -> None:
    """Raise unless the file was made, or begun, with this configuration."""
    try:
        with open_hdf5(path) as file:
            text = file.attrs.get(CONFIG)
    except ValueError as error:
        raise FileExistsError(
            f"{error} It is in the way: move it, or choose another path."
        ) from error
    if text is None:
        raise FileExistsError(
            f"{path} was not made by pde_data; choose another path, or move it away."
        )
    differences = config.differences(GenerateConfig.from_json(str(text)))
    if differences:
        listed = "; ".join(
            f"{name} is {theirs!r} there and {mine!r} here"
            for name, (mine, theirs) in differences.items()
        )
        raise FileExistsError(
            f"{path} holds another configuration ({listed}); choose another path, or "
            "delete it to generate anew."
        )


def _with_progress(
    pending: list[int], done: int, total: int, progress: bool
) -> Iterator[int]:
    if not progress:
        yield from pending
        return
    try:
        from tqdm import tqdm
    except ImportError as error:
        raise ImportError(
            "`progress=True` needs tqdm: pip install 'geomnet[data]'."
        ) from error
    with tqdm(total=total, initial=done, unit="trajectory", smoothing=0.1) as bar:
        for index in pending:
            yield index
            bar.update()
