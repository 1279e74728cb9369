"""Means and spreads of the fields, as The Well's package wants them to normalise."""

from pathlib import Path

import numpy as np

from .._arguments import checked
from .._whole_file import whole
from ._flow_data import FlowData, load

_SPLIT = "data/train"


@checked
def write_statistics(folder: str | Path) -> Path:
    """Write `folder/stats.yaml` from the files in `folder/data/train`; return its path.

    That is where `the_well.data.WellDataset(path=folder, use_normalization=True)` looks
    for it. For each field the mean, standard deviation and root mean square over all
    trajectories, times and cells (`mean`, `std`, `rms`; one number, or one for each
    component) and the same of the change from one snapshot to the next
    (`mean_delta`, ...). Files are read one trajectory at a time.

    **Raises:** `FileNotFoundError` where there is no such file; `ValueError` as `load`.
    """
    folder = Path(folder)
    train = folder / _SPLIT
    files = sorted([*train.glob("*.hdf5"), *train.glob("*.h5")])
    if not files:
        raise FileNotFoundError(
            f"There is no .hdf5 or .h5 file in {train}; put those to train on there."
        )
    with load(files) as flow:
        statistics = _statistics(flow)
    path = folder / "stats.yaml"
    lines = []
    for name, fields in statistics.items():
        lines.append(f"{name}:")
        lines += [f"  {field}: {_yaml(value)}" for field, value in fields.items()]
    with whole(path) as staging:
        staging.write_text("\n".join(lines) + "\n")
    return path


def _statistics(flow: FlowData) -> dict[str, dict[str, np.ndarray]]:
    found: dict[str, dict[str, np.ndarray]] = {}
    for field in flow.fields:
        totals = {"": np.zeros(3, object), "_delta": np.zeros(3, object)}
        for i in range(flow.num_trajectories):
            values = np.asarray(flow[field.name][i], np.float64)
            values = values.reshape(*values.shape[: values.ndim - field.order], -1)
            for suffix, part in (("", values), ("_delta", np.diff(values, axis=0))):
                flat = part.reshape(-1, part.shape[-1] if field.order else 1)
                sums = (len(flat), flat.sum(axis=0), np.square(flat).sum(axis=0))
                totals[suffix] = totals[suffix] + np.array(sums, object)
        shape = (flow.num_spatial_dims,) * field.order
        for suffix, (count, total, squares) in totals.items():
            mean, square = total / count, squares / count
            # A difference of rounded numbers may fall below zero.
            std = np.sqrt(np.maximum(square - mean**2, 0))
            for name, value in (("mean", mean), ("std", std), ("rms", np.sqrt(square))):
                found.setdefault(name + suffix, {})[field.name] = value.reshape(shape)
    return found


def _yaml(value: np.ndarray) -> str:
    """A number that YAML takes for one (a point, a signed exponent), or a list."""
    if value.ndim == 0:
        return f"{float(value):.9e}"
    return f"[{', '.join(_yaml(np.asarray(part)) for part in value)}]"
