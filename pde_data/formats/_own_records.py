"""What our own files hold besides, in any format: how they were made, what was proved.

- the attribute `pde_data_config`: the configuration, as JSON;
- `generation/`: how each trajectory was made; `generation/stored` is 1 once it is
  whole;
- `certificate/`: what was proved of each trajectory.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ._stored import (
    attribute,
    children,
    dataset_fault,
    group_of_numbers,
    numbers,
    stored,
)

CONFIG = "pde_data_config"
GENERATION = "generation"
CERTIFICATE = "certificate"
STORED = f"{GENERATION}/stored"


def read_records(file: Any, group: str) -> dict[str, np.ndarray]:
    """One array for each record of a group, one value per trajectory.

    Nothing for foreign files, whatever they call so.
    """
    if attribute(file, CONFIG) is None:
        return {}
    return group_of_numbers(file, group)


def record_faults(file: Any) -> Iterator[str]:
    """What is wrong with the records, each in words; nothing for foreign files."""
    if attribute(file, CONFIG) is None:
        return
    node = stored(file, STORED)
    if node is None:
        yield f"no {STORED}"
        return
    marks = numbers(file, STORED)
    absent = np.flatnonzero(np.ravel(marks) != 1)
    if len(absent):
        yield f"rows {listed(absent)} were never stored"
    for group in (CERTIFICATE, GENERATION):
        for name, node in children(stored(file, group)).items():
            fault = dataset_fault(node)
            if fault:
                yield f"{group}/{name} {fault}"
            elif node.shape != marks.shape:
                yield f"{name} has shape {node.shape}, not {marks.shape}"


def listed(numbers: Sequence[int] | np.ndarray) -> str:
    """The first eight numbers, and dots where there are more."""
    return ", ".join(map(str, numbers[:8])) + (", ..." if len(numbers) > 8 else "")
