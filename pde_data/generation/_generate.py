"""Generation of a file of trajectories: streamed, resumable, certified."""

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..certificates._certificate import CERTIFIED
from ..formats._digests import DIGEST, seal
from ..formats._file_format import FileFormat, FilePlan
from ..formats._hdf5 import compress, need_h5py, new_hdf5
from ..formats._own_records import CERTIFICATE, CONFIG, GENERATION, STORED
from ..formats._registry import FORMATS
from ..formats._row_writer import RowWriter, create_rows, row_names
from ..formats._writer_lock import only_writer, remove_idle_lock
from ..solver._simulation import SimulationError
from ._config import DRAWN, GenerateConfig, single_value
from ._families import boundary_names, check_names
from ._provenance import provenance, refuse_foreign, refuse_other_version
from ._sample import Sample, simulate_trajectories

# What is recorded of each trajectory in `generation/` and in `certificate/`.
RECORDS = ("index", "num_steps", "draw", "safe_scheme")
FIGURES = (
    *CERTIFIED,
    "continuity_residual",
    "step_continuity_residual",
    "commuting_elements",
    "commutation_error",
    "courant_number",
)


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

    **Arguments:**

    - `config`: what to generate, a `GenerateConfig`.
    - `path`: the file to make, in a folder that exists.
    - `progress`: whether a bar shows the time left; it needs tqdm.

    **Returns:** the path of the file.

    **Raises:** `ValueError` for an impossible configuration; `FileExistsError` for a
    file of another configuration, kind or version, or one that another process writes;
    `FileNotFoundError` for a folder that does not exist; `OSError` if the disk is full;
    `SimulationError` if no draw of a trajectory survives.
    """
    check_names(config)
    need_h5py()
    path = part_path(config, path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {path.parent}; make it first.")
    if path.exists():
        refuse_foreign(path, config)
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


def _fill(config: GenerateConfig, path: Path, progress: bool) -> None:
    partial = path.with_name(path.name + ".partial")
    if partial.exists():
        refuse_foreign(partial, config)
        refuse_other_version(partial, config)
    else:
        _create(partial, config)
    format, indices = FORMATS[config.format], config.indices
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
                writer.write(index - indices.start, _rows(index, sample, format))
        except (SimulationError, ValueError):
            if not writer.stored.any():
                # What cannot be simulated must not stand in the way of what can.
                partial.unlink()
            raise
    if config.compression is not None:
        compress(partial)
    os.replace(partial, path)


def _rows(index: int, sample: Sample, format: FileFormat) -> dict[str, np.ndarray]:
    """All that is stored of trajectory `index`, by the name of its data set."""
    records = {
        "index": index,
        "num_steps": sample.num_steps,
        "draw": sample.draw,
        "safe_scheme": sample.safe_scheme,
    }
    numbers = {
        **_inside(format.parameters, DRAWN, sample.parameters),
        **_inside(CERTIFICATE, FIGURES, sample.certificate),
        **_inside(GENERATION, RECORDS, records),
    }
    fields = format.rows(sample.density, sample.velocity, sample.pressure)
    return fields | {name: np.asarray(value) for name, value in numbers.items()}


def _inside(
    group: str, names: Sequence[str], values: Mapping[str, Any]
) -> dict[str, Any]:
    return {f"{group}/{name}": values[name] for name in names}


def _create(path: Path, config: GenerateConfig) -> None:
    """An empty file with all its metadata, which appears under `path` when whole."""
    plan = _plan(config)
    components = 2 + plan.box.num_spatial_dims
    size = math.prod(plan.field_shape) * components * np.dtype(plan.dtype).itemsize
    n = (plan.num_trajectories,)
    # Records, coordinates and masks, none of them wider than this.
    names = (*FIGURES, *RECORDS, *DRAWN, STORED, DIGEST)
    size += 8 * (n[0] * len(names) + len(plan.times) + 2 * sum(plan.box.shape))
    with new_hdf5(path, size) as file:
        FORMATS[config.format].create(file, plan)
        for name in FIGURES:
            create_rows(file, f"{CERTIFICATE}/{name}", n, np.float64)
        for name in RECORDS:
            create_rows(file, f"{GENERATION}/{name}", n, np.int32)
        file.attrs[CONFIG] = config.to_json()
        for name, value in provenance(config).items():
            file.attrs[name] = value
        rows = row_names(file)
        create_rows(file, STORED, n, np.uint8)
        create_rows(file, DIGEST, n, np.uint64)
        seal(file, rows)


def _plan(config: GenerateConfig) -> FilePlan:
    return FilePlan(
        config.family,
        len(config.indices),
        config.times,
        config.box,
        config.dtype,
        config.gamma,
        {name: single_value(getattr(config, name)) for name in DRAWN},
        tuple(boundary_names(config)),
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
