"""Generation of a file of trajectories: streamed, resumable, certified."""

import itertools
import math
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jax.sharding import Mesh

from ..certificates._certificate import CERTIFIED
from ..formats._digests import DIGEST, seal
from ..formats._file_format import FileFormat, FilePlan
from ..formats._hdf5 import compress, need_h5py, new_hdf5
from ..formats._own_records import CERTIFICATE, CONFIG, GENERATION, STORED
from ..formats._registry import FORMATS
from ..formats._row_writer import RowWriter, create_rows, row_names
from ..formats._writer_lock import only_writer, remove_idle_lock
from ..solver._simulation import SimulationError
from ._box import boundary_names, check_family
from ._config import DRAWN, GenerateConfig, single_value
from ._cost import (
    check_disk,
    check_duration,
    check_sizes,
    duration_summary,
    expected_duration,
    summary,
)
from ._places import Place, places_on
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


# How files that HDF5 is in are called.
SUFFIXES = (".hdf5", ".h5", ".hdf", ".he5")


def generate(
    config: GenerateConfig,
    path: str | Path,
    progress: bool = False,
    *,
    any_size: bool = False,
    any_length: bool = False,
    mesh: Mesh | None = None,
) -> Path:
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
    - `path`: the file to make, in a folder that exists; its name ends with ".hdf5",
      ".h5" or nothing.
    - `progress`: whether it says what it is going to do and how long a trajectory
      takes, and a bar shows the time left once there is a first one; it needs tqdm.
    - `any_size`: whether it may take more than half of the machine's memory.
    - `any_length`: whether a trajectory may take more than an hour, or 10⁷ steps, as
      far as its start and first steps tell.
    - `mesh`: devices of this process, which change no byte of the file. Along the axis
      "batch" each simulates trajectories of its own; those along "x", "y" and "z" share
      the box of one flow, as in `simulate`.

    **Good values:** `mesh=jax.make_mesh((jax.local_device_count(),), ("batch",))`.

    **Returns:** the path of the file.

    **Raises:** `ValueError` for an impossible configuration or mesh, or one that takes
    too much memory or time; `TypeError` for what is no mesh; `FileExistsError` for a
    file of another configuration, kind or version, or one that another process writes;
    `FileNotFoundError` for a folder that does not exist; `OSError` if the disk is full;
    `SimulationError` if no draw of a trajectory survives.
    """
    check_family(config)
    places = places_on(mesh, config)
    path = part_path(config, path)
    need_h5py()
    if progress:
        _bars()
    if not path.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {path.parent}; make it first.")
    if path.exists():
        refuse_foreign(path, config)
        remove_idle_lock(path)
        return path
    if path.suffix not in ("", *SUFFIXES):
        raise ValueError(
            f"`path` must end with one of {', '.join(SUFFIXES)}, as the file is HDF5, "
            f"got {path.name}."
        )
    check_sizes(config, any_size, places)
    with only_writer(path):
        # Another process may have finished it meanwhile.
        if not path.exists():
            _fill(config, path, progress, any_length, places)
    return path


def part_path(config: GenerateConfig, path: str | Path) -> Path:
    """Where `generate(config, path)` writes: `flow.hdf5`, or `flow-02-of-16.hdf5`, a
    part.

    `pde_data.load("flow-*-of-16.hdf5")` reads all parts in order.
    """
    path = Path(path)
    part, parts = config.shard
    if parts == 1:
        return path
    number = f"{part:0{len(str(parts))}d}"
    return path.with_name(f"{path.stem}-{number}-of-{parts}{path.suffix}")


def _fill(
    config: GenerateConfig,
    path: Path,
    progress: bool,
    any_length: bool,
    places: Sequence[Place],
) -> None:
    partial = path.with_name(path.name + ".partial")
    if partial.exists():
        refuse_foreign(partial, config)
        refuse_other_version(partial)
        pending = _pending(partial, config)
    else:
        check_disk(config, path.parent)
        # Before anything is compiled, so that what is in the way is found at once.
        _create(partial, config)
        pending = list(config.indices)
    try:
        _expect(config, pending, progress, any_length, places)
    except BaseException:
        if len(pending) == len(config.indices):
            partial.unlink()
        raise
    format, indices = FORMATS[config.format], config.indices
    with RowWriter(partial) as writer:
        writer.reserve()
        samples = simulate_trajectories(config, pending, places)
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


def _pending(partial: Path, config: GenerateConfig) -> list[int]:
    """The trajectories that an unfinished file does not hold yet."""
    with RowWriter(partial) as writer:
        stored = writer.stored
    return [i for i, done in zip(config.indices, stored, strict=True) if not done]


def _expect(
    config: GenerateConfig,
    pending: Sequence[int],
    progress: bool,
    any_length: bool,
    places: Sequence[Place],
) -> None:
    """Say what is going to be simulated, and refuse what takes too long."""
    if not pending:
        return
    if progress:
        _say(f"{summary(config, places)} Compiling ...")
    duration = expected_duration(config, pending, places)
    check_duration(duration, any_length)
    if progress and duration.steps > 0:
        _say(duration_summary(duration))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


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


def _bars() -> Any:
    try:
        from tqdm import tqdm
    except ImportError as error:
        raise ImportError(
            "`progress=True` needs tqdm: pip install 'geomnet[data]'."
        ) from error
    return tqdm


def _watched(
    samples: Iterator[tuple[int, Sample]], total: int, pending: int, progress: bool
) -> Iterator[tuple[int, Sample]]:
    """The samples, with a bar that shows the time left.

    It begins when the first one is done, so that the time left does not count the time
    to compile: it follows from those after it.
    """
    if not progress:
        yield from samples
        return
    yield from itertools.islice(samples, 1)
    done = total - pending + min(1, pending)
    with _bars()(total=total, initial=done, unit="trajectory", smoothing=0.1) as bar:
        for item in samples:
            yield item
            bar.update()
