"""Generation of a file of trajectories: streamed, resumable, certified."""

import dataclasses
import functools
import hashlib
import importlib.metadata
import importlib.util
import math
import os
import platform
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import jax
import numpy as np

from ..certificates._certificate import Certificate
from ..formats import _pdebench, _well
from ..formats._layouts import CONFIG
from ..formats._row_writer import STATUS, RowWriter, create_rows
from ..formats._writer_lock import new_hdf5, only_writer, remove_idle_lock
from ..reading._flow_data import open_hdf5
from ..solver._simulation import SimulationError
from ._config import GenerateConfig
from ._families import boundary_names, check_names
from ._sample import Sample, simulate_trajectories

_LAYOUTS: dict[str, ModuleType] = {"pdebench": _pdebench, "well": _well}
RECORDS = ("index", "num_steps", "draw", "safe_scheme")
FIGURES = (
    *(f.name for f in dataclasses.fields(Certificate) if f.name != "finite"),
    "continuity_residual",
    "step_continuity_residual",
    "commutation_error",
    "courant_number",
)
# More than all that a file holds besides its fields.
METADATA = 2**17
# What two runs must have in common for their trajectories to share a file.
_SAME = ("generator_version", "source", "jax_version", "platform")


def generate(config: GenerateConfig, path: str | Path, progress: bool = False) -> Path:
    """Simulate the trajectories of `config` into a file, and return its path.

    The file is `path` or, for a part of `config.shard`, what `part_path` says. A
    complete file of the same configuration is reused. An unfinished one (with
    ".partial" at the end of its name) is resumed; the result has the same bytes as if
    it had never stopped. Each trajectory is durable once simulated, so interrupting or
    killing the process loses at most those under way.

    A trajectory that breaks down is tried again with the scheme "safe", then redrawn
    with a new key; both are recorded in `generation/` of the file. Nothing broken is
    ever stored.

    **Raises:** `ValueError` for an impossible configuration; `FileExistsError` for a
    file of another configuration, kind or version, or one that another process writes;
    `FileNotFoundError` for a folder that does not exist; `OSError` if the disk is full;
    `SimulationError` if no draw of a trajectory survives.
    """
    check_names(config)
    _need_h5py()
    path = part_path(config, path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {path.parent}; make it first.")
    if path.exists():
        _refuse_foreign(path, config)
        remove_idle_lock(path)
        return path
    with only_writer(path):
        # Another process may have finished it meanwhile.
        if not path.exists():
            _fill(config, path, progress)
    return path


def part_path(config: GenerateConfig, path: str | Path) -> Path:
    """Where `generate` writes: `flow.hdf5`, or `flow-02-of-16.hdf5` for a part.

    `pde_data.load("flow-*-of-16.hdf5")` reads all parts in order.
    """
    path = Path(path)
    part, parts = config.shard
    if parts == 1:
        return path
    number = f"{part:0{len(str(parts))}d}"
    return path.with_name(f"{path.stem}-{number}-of-{parts}{path.suffix}")


def _need_h5py() -> None:
    if importlib.util.find_spec("h5py") is None:
        raise ImportError("Writing files needs h5py: pip install 'geomnet[data]'.")


def _fill(config: GenerateConfig, path: Path, progress: bool) -> None:
    partial = path.with_name(path.name + ".partial")
    if partial.exists():
        _refuse_foreign(partial, config)
        _refuse_other_version(partial, config)
    else:
        _create(partial, config)
    layout, indices = _LAYOUTS[config.format], config.indices
    with RowWriter(partial) as writer:
        writer.reserve()
        pending = [
            i for i, done in zip(indices, writer.stored, strict=True) if not done
        ]
        samples = simulate_trajectories(config, pending)
        try:
            for index, sample in _watched(
                samples, len(indices), len(pending), progress
            ):
                writer.write(index - indices.start, _rows(index, sample, layout))
        except (SimulationError, ValueError):
            if not writer.stored.any():
                # What cannot be simulated must not stand in the way of what can.
                partial.unlink()
            raise
    if config.compression is not None:
        _compress(partial)
    os.replace(partial, path)


def _rows(index: int, sample: Sample, layout: ModuleType) -> dict[str, np.ndarray]:
    rows = layout.rows(sample.density, sample.velocity, sample.pressure)
    notes: dict[str, Any] = {
        f"{layout.PARAMETERS}/{name}": value
        for name, value in sample.parameters.items()
    }
    for name in FIGURES:
        notes[f"certificate/{name}"] = sample.certificate[name]
    for name in RECORDS:
        notes[f"generation/{name}"] = getattr(sample, name, index)
    return rows | {name: np.asarray(value) for name, value in notes.items()}


def _create(path: Path, config: GenerateConfig) -> None:
    """An empty file with all its metadata, which appears under `path` when whole."""
    n = (len(config.indices),)
    cells = math.prod(config.grid) * config.snapshots * n[0]
    size = cells * (len(config.grid) + 2) * np.dtype(config.dtype).itemsize
    with new_hdf5(path, size + METADATA) as file:
        _LAYOUTS[config.format].create(file, config, boundary_names(config))
        for name in FIGURES:
            create_rows(file, f"certificate/{name}", n, np.float64)
        for name in RECORDS:
            create_rows(file, f"generation/{name}", n, np.int32)
        create_rows(file, STATUS, n, np.uint8)
        file.attrs[CONFIG] = config.to_json()
        for name, value in _provenance(config).items():
            file.attrs[name] = value


def _provenance(config: GenerateConfig) -> dict[str, Any]:
    """Who made the file, with what; nothing that differs between two equal runs."""
    return {
        "generator": "pde_data",
        "generator_version": _version(),
        "source": _source(),
        "jax_version": jax.__version__,
        "platform": f"{jax.default_backend()} {platform.machine()}",
        "seed": config.seed,
        "gamma": config.gamma,
        "threefry_partitionable": bool(
            getattr(jax.config, "jax_threefry_partitionable", True)
        ),
    }


@functools.cache
def _source() -> str:
    """The start of a hash over this package's source: the code that decides bits."""
    digest = hashlib.sha256()
    root = Path(__file__).parents[1]
    for file in sorted(root.rglob("*.py")):
        digest.update(file.relative_to(root).as_posix().encode() + b"\0")
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _version() -> str:
    try:
        return importlib.metadata.version("geomnet")
    except importlib.metadata.PackageNotFoundError:
        return "uninstalled"


def _compress(path: Path) -> None:
    """Rewrite a finished file with compressed chunks of one snapshot each."""
    import h5py

    # Chunks that do not shrink are stored as they are; each has an entry in an index.
    size = int(1.02 * path.stat().st_size) + METADATA
    with h5py.File(path, "r") as old, new_hdf5(path, size) as new:
        _copy_attributes(old, new)

        def copy(name: str, node: Any) -> None:
            if isinstance(node, h5py.Dataset) and node.ndim > 2:
                target = new.create_dataset(
                    name,
                    node.shape,
                    node.dtype,
                    chunks=(1, 1, *node.shape[2:]),
                    compression="gzip",
                    shuffle=True,
                )
                for index in range(node.shape[0]):
                    target[index] = node[index]
            elif isinstance(node, h5py.Dataset):
                target = new.create_dataset(name, data=node[()])
            else:
                target = new.require_group(name)
            _copy_attributes(node, target)

        old.visititems(copy)


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


def _refuse_other_version(path: Path, config: GenerateConfig) -> None:
    """Raise unless this code on this platform gives the bits that `path` began with."""
    now = _provenance(config)
    with open_hdf5(path) as file:
        begun = {name: file.attrs.get(name) for name in _SAME}
    changed = [name for name in _SAME if begun[name] != now[name]]
    if changed:
        listed = "; ".join(
            f"{name} {begun[name]} then, {now[name]} now" for name in changed
        )
        raise FileExistsError(
            f"{path} was begun by another version or platform ({listed}), whose "
            "trajectories may have other bits; finish it there, or delete it to begin "
            "anew."
        )


def _watched(
    samples: Iterator[tuple[int, Sample]], total: int, pending: int, progress: bool
) -> Iterator[tuple[int, Sample]]:
    """The samples, with a bar that shows the time left."""
    if not progress:
        yield from samples
        return
    try:
        from tqdm import tqdm
    except ImportError as error:
        raise ImportError(
            "`progress=True` needs tqdm: pip install 'geomnet[data]'."
        ) from error
    done = total - pending
    with tqdm(total=total, initial=done, unit="trajectory", smoothing=0.1) as bar:
        for item in samples:
            yield item
            bar.update()
