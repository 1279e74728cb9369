"""What our own files hold besides, in any format: how they were made, what was proved.

- the attribute `pde_data_config`: the configuration, as JSON;
- `generation/`: how each trajectory was made; `generation/stored` is 1 once it is
  whole;
- `certificate/`: what was proved of each trajectory.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

CONFIG = "pde_data_config"
GENERATION = "generation"
CERTIFICATE = "certificate"
STORED = f"{GENERATION}/stored"


def read_records(file: Any, group: str) -> dict[str, np.ndarray]:
    """One array for each record of a group, one value per trajectory."""
    return {k: np.asarray(v[()]) for k, v in file.get(group, {}).items()}


def record_faults(file: Any) -> Iterator[str]:
    """What is wrong with the records, each in words; nothing for foreign files."""
    if CONFIG not in file.attrs:
        return
    stored = file.get(STORED)
    if stored is None:
        yield f"no {STORED}"
        return
    absent = np.flatnonzero(np.asarray(stored[()]) != 1)
    if len(absent):
        yield f"rows {listed(absent)} were never stored"
    nodes = itertools.chain(
        file.get(CERTIFICATE, {}).items(), file.get(GENERATION, {}).items()
    )
    for name, node in nodes:
        if node.shape != stored.shape:
            yield f"{name} has shape {node.shape}, not {stored.shape}"


def listed(numbers: Sequence[int] | np.ndarray) -> str:
    """The first eight numbers, and dots where there are more."""
    return ", ".join(map(str, numbers[:8])) + (", ..." if len(numbers) > 8 else "")
