"""Generation of a file of trajectories: streamed, resumable, certified."""

import dataclasses
import importlib.metadata
import os
import platform
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import jax
import numpy as np

from ._certificate import Certificate
from ._config import GenerateConfig
from ._schemes import boundary_names, check_names
from ._trajectory import Sample, simulate_trajectories
from .formats import _pdebench, _well
from .formats._open import CONFIG, open_hdf5
from .formats._rows import STATUS, RowWriter, create_rows

_LAYOUTS: dict[str, ModuleType] = {"pdebench": _pdebench, "well": _well}
_SAMPLED = ("continuity_residual", "commutation_error")


def generate(config: GenerateConfig, path: str | Path, progress: bool = False) -> Path:
    """Simulate the trajectories of `config` into the file `path`, and return the path.

    A complete file of the same configuration is reused. An unfinished one
    (`path` + ".partial") is resumed; the result has the same bytes as if it had never
    stopped. Each trajectory is durable once simulated, so interrupting or killing the
    process loses at most those under way.

    A trajectory that breaks down is tried again with the scheme "safe", then redrawn
    with a new key; both are recorded in `generation/` of the file. Nothing broken is
    ever stored.

    **Raises:** `ValueError` for an impossible configuration; `FileExistsError` for a
    file of another configuration or kind, or one that another process writes;
    `OSError` if the disk is full; `SimulationError` if no draw of a trajectory
    survives.
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
    layout = _LAYOUTS[config.format]
    with RowWriter(partial) as writer:
        writer.reserve()
        pending = [i for i in range(config.trajectories) if not writer.stored[i]]
        done = config.trajectories - len(pending)
        for batch in _batches(pending, config, done, progress):
            samples = simulate_trajectories(config, batch)
            for index, sample in zip(batch, samples, strict=True):
                writer.write(index, _rows(sample, layout))
    if config.compression is not None:
        _compress(partial, config)
    os.replace(partial, path)
    return path


def _rows(sample: Sample, layout: ModuleType) -> dict[str, np.ndarray]:
    rows = layout.rows(sample.density, sample.velocity, sample.pressure)
    notes: dict[str, Any] = {
        f"{layout.PARAMETERS}/{name}": value
        for name, value in sample.parameters.items()
    }
    for name, value in sample.certificate.items():
        notes[f"certificate/{name}"] = value
    for name in ("num_steps", "draw", "safe_scheme"):
        notes[f"generation/{name}"] = getattr(sample, name)
    return rows | {name: np.asarray(value) for name, value in notes.items()}


def _create(path: Path, config: GenerateConfig) -> None:
    """An empty file with all its metadata, which appears under `path` when whole."""
    try:
        import h5py
    except ImportError as error:
        raise ImportError(
            "Writing files needs h5py: pip install 'geomnet[data]'."
        ) from error
    staging = path.with_name(path.name + ".new")
    n = (config.trajectories,)
    with h5py.File(staging, "w") as file:
        _LAYOUTS[config.format].create(file, config, boundary_names(config))
        fields = [field.name for field in dataclasses.fields(Certificate)]
        for name in (*fields, *_SAMPLED):
            if name != "finite":
                create_rows(file, f"certificate/{name}", n, np.float64)
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
        "threefry_partitionable": bool(
            getattr(jax.config, "jax_threefry_partitionable", True)
        ),
    }


def _version() -> str:
    try:
        return importlib.metadata.version("geomnet")
    except importlib.metadata.PackageNotFoundError:
        return "uninstalled"


def _compress(path: Path, config: GenerateConfig) -> None:
    """Rewrite a finished file with compressed chunks of one snapshot each."""
    import h5py

    staging = path.with_name(path.name + ".new")
    with h5py.File(path, "r") as old, h5py.File(staging, "w") as new:
        _copy_attributes(old, new)

        def copy(name: str, node: Any) -> None:
            if isinstance(node, h5py.Dataset) and node.ndim > 2:
                chunks = (1, 1, *node.shape[2:])
                target = new.create_dataset(
                    name, node.shape, node.dtype, chunks=chunks, compression="gzip"
                )
                for index in range(node.shape[0]):
                    target[index] = node[index]
            elif isinstance(node, h5py.Dataset):
                target = new.create_dataset(name, data=node[()])
            else:
                target = new.require_group(name)
            _copy_attributes(node, target)

        old.visititems(copy)
    os.replace(staging, path)


def _copy_attributes(old: Any, new: Any) -> None:
    import h5py

    for name in old.attrs:
        # The stored type, as NumPy's object arrays do not say what they hold.
        stored = h5py.h5a.open(old.id, name.encode())
        new.attrs.create(name, old.attrs[name], stored.shape, stored.dtype)


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


def _batches(
    pending: list[int], config: GenerateConfig, done: int, progress: bool
) -> Iterator[list[int]]:
    size = config.batch
    batches = [pending[i : i + size] for i in range(0, len(pending), size)]
    if not progress:
        yield from batches
        return
    try:
        from tqdm import tqdm
    except ImportError as error:
        raise ImportError(
            "`progress=True` needs tqdm: pip install 'geomnet[data]'."
        ) from error
    total = config.trajectories
    with tqdm(total=total, initial=done, unit="trajectory", smoothing=0.1) as bar:
        for batch in batches:
            yield batch
            bar.update(len(batch))
