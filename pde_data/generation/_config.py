"""What to generate: one frozen, validated description, stored in the file it made."""

import dataclasses
import json
import math
import operator
from collections.abc import Mapping
from typing import Any, Literal

from ..formats._registry import FORMATS
from ..solver._grid import Grid

Range = float | tuple[float, float]

# What may have a value of its own in each trajectory.
DRAWN = ("mach", "shear_viscosity", "bulk_viscosity")
# What JAX makes a key of.
MAX_SEED = 2**63 - 1
# It changes no bit of the file.
_IRRELEVANT = ("batch",)


@dataclasses.dataclass(frozen=True)
class GenerateConfig:
    """A set of trajectories: everything that decides its bits.

    **Arguments:**

    - `family`: the initial states, a name from `pde_data.FAMILIES`.
    - `grid`, `extent`: cells stored along each axis; length of the box, one number or
      one per axis.
    - `mach`, `shear_viscosity`, `bulk_viscosity` (dynamic unless
      `viscosity="kinematic"`): a number, or `(low, high)` for a log-uniform draw per
      trajectory.
    - `gamma`, `prandtl_number` (`None`: no heat conduction): the gas.
    - `trajectories`, `snapshots` (the start included), `final_time`: how much.
    - `seed`: from 0 to 2**63 - 1; trajectory `i` depends on `seed` and `i` alone.
    - `dtype`: stored, "float32" or "float64"; `precision`: computed, the same names.
    - `scheme`: a name from `pde_data.SCHEMES`; `courant_number`: `None` for its own.
    - `refinement`: simulate with so many times the cells per axis, store averages.
    - `batch`: trajectories per vectorised call; it changes no bit of the result.
    - `format`: "pdebench" or "well", or another name from `pde_data.formats.FORMATS`;
      `compression`: `None` or "gzip".
    - `shard`: `(i, n)` for the i-th of n parts, counted from 1: a file of its own with
      an n-th of the trajectories. All parts together hold the bits of one whole file.

    **Raises:** `ValueError` naming the field that has no meaning.
    """

    family: str = "random_fourier"
    grid: tuple[int, ...] = (128, 128)
    extent: float | tuple[float, ...] = 1.0
    mach: Range = 0.1
    shear_viscosity: Range = 0.01
    bulk_viscosity: Range = 0.01
    viscosity: Literal["dynamic", "kinematic"] = "dynamic"
    prandtl_number: float | None = None
    gamma: float = 5 / 3
    trajectories: int = 1
    snapshots: int = 21
    final_time: float = 1.0
    seed: int = 0
    dtype: str = "float32"
    precision: str = "float32"
    scheme: str = "muscl"
    courant_number: float | None = None
    refinement: int = 1
    batch: int = 1
    format: str = "pdebench"
    compression: str | None = None
    shard: tuple[int, int] = (1, 1)

    def __post_init__(self):
        # Equal settings are equal values, however they were written: lists become
        # tuples and whole numbers floats. A frozen dataclass lets its own
        # `__post_init__` set a field only in this way.
        normal: dict[str, Any] = {
            name: _wholes(name, getattr(self, name)) for name in ("grid", "shard")
        }
        normal["extent"] = _extent(self.extent, len(normal["grid"]))
        normal |= {name: _range(name, getattr(self, name)) for name in DRAWN}
        for name, value in normal.items():
            object.__setattr__(self, name, value)
        _check(self)

    @property
    def indices(self) -> range:
        """The trajectories of this part, by their numbers in the whole."""
        part, parts = self.shard
        return range(
            (part - 1) * self.trajectories // parts, part * self.trajectories // parts
        )

    @property
    def box(self) -> Grid:
        """The grid as stored."""
        return Grid(self.grid, self.extent)

    @property
    def interval(self) -> float:
        """The time between two snapshots."""
        return self.final_time / (self.snapshots - 1)

    @property
    def times(self) -> tuple[float, ...]:
        """The times of the snapshots, the first of which is zero."""
        last = self.snapshots - 1
        return tuple(self.final_time * (i / last) for i in range(self.snapshots))

    @property
    def coarser_precision(self) -> str:
        """The coarser of the precisions that are computed in and stored."""
        return min(self.dtype, self.precision)

    def to_json(self) -> str:
        """A text that `from_json` reads back, but for what changes no number."""
        fields = dataclasses.asdict(self)
        for name in _IRRELEVANT:
            del fields[name]
        return json.dumps(fields, sort_keys=True)

    @staticmethod
    def from_json(text: str) -> "GenerateConfig":
        """The configuration written by `to_json`."""
        fields = json.loads(text)
        known = {field.name for field in dataclasses.fields(GenerateConfig)}
        unknown = sorted(set(fields) - known)
        if unknown:
            raise ValueError(
                f"the stored configuration has fields that this version of pde_data "
                f"does not know: {', '.join(unknown)}."
            )
        return GenerateConfig(**{k: _untuple(v) for k, v in fields.items()})

    def differences(self, other: "GenerateConfig") -> dict[str, tuple[Any, Any]]:
        """The fields in which two configurations would give different files."""
        mine, theirs = dataclasses.asdict(self), dataclasses.asdict(other)
        return {
            name: (mine[name], theirs[name])
            for name in mine
            if name not in _IRRELEVANT and mine[name] != theirs[name]
        }


def single_value(value: Range) -> float:
    """The number, or NaN where each trajectory has its own."""
    return math.nan if isinstance(value, tuple) else value


def _untuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _wholes(name: str, values: Any) -> tuple[int, ...]:
    listed = values if isinstance(values, (tuple, list)) else (values,)
    try:
        return tuple(operator.index(n) for n in listed)
    except TypeError:
        raise ValueError(f"`{name}` must be whole numbers, got {values}.") from None


def _extent(value: Any, num_axes: int) -> float | tuple[float, ...]:
    listed = value if isinstance(value, (tuple, list)) else (value,)
    lengths = tuple(float(length) for length in listed)
    if len(lengths) not in (1, num_axes):
        raise ValueError(
            f"`extent` must be one number or one per axis ({num_axes}), got {value}."
        )
    if not all(0 < length < math.inf for length in lengths):
        raise ValueError(f"`extent` must be positive and finite, got {value}.")
    # A cube's box is one number, whichever way it was given.
    return lengths[0] if len(set(lengths)) == 1 else lengths


def _range(name: str, value: Any) -> Range:
    if isinstance(value, (tuple, list)):
        values = tuple(float(v) for v in value)
        if len(values) == 1:
            return values[0]
        if len(values) != 2 or not 0 < values[0] < values[1] < math.inf:
            raise ValueError(
                f"`{name}` must be a number or a range (low, high) with "
                f"0 < low < high, got {value}."
            )
        return values
    if not 0 <= float(value) < math.inf:
        raise ValueError(f"`{name}` must be finite and >= 0, got {value}.")
    return float(value)


def _check(config: GenerateConfig) -> None:
    wholes: Mapping[str, int] = {
        "trajectories": 1,
        "snapshots": 2,
        "seed": 0,
        "refinement": 1,
        "batch": 1,
    }
    for name, least in wholes.items():
        value = getattr(config, name)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise ValueError(
                f"`{name}` must be a whole number >= {least}, got {value}."
            )
    if config.seed > MAX_SEED:
        raise ValueError(f"`seed` must be less than 2**63, got {config.seed}.")
    if not 1 <= len(config.grid) <= 3 or min(config.grid) < 4:
        raise ValueError(
            f"`grid` must have 1 to 3 axes of at least 4 cells, got {config.grid}."
        )
    if len(config.shard) != 2 or not 1 <= config.shard[0] <= config.shard[1]:
        raise ValueError(
            f"`shard` must be (i, n) with 1 <= i <= n, got {config.shard}."
        )
    if config.shard[1] > config.trajectories:
        raise ValueError(
            f"`shard` must not have more parts than there are `trajectories` "
            f"({config.trajectories}), got {config.shard[1]}."
        )
    if not 0 < config.final_time < math.inf:
        raise ValueError(
            f"`final_time` must be positive and finite, got {config.final_time}."
        )
    if not 1 < config.gamma < math.inf:
        raise ValueError(f"`gamma` must be greater than 1, got {config.gamma}.")
    if config.prandtl_number is not None and not config.prandtl_number > 0:
        raise ValueError(
            f"`prandtl_number` must be positive, got {config.prandtl_number}; use None "
            "for no heat conduction."
        )
    if config.courant_number is not None and not 0 < config.courant_number <= 1:
        raise ValueError(
            f"`courant_number` must be in (0, 1], got {config.courant_number}."
        )
    choices = {
        "viscosity": ("dynamic", "kinematic"),
        "dtype": ("float32", "float64"),
        "precision": ("float32", "float64"),
        "format": tuple(sorted(FORMATS)),
        "compression": (None, "gzip"),
    }
    for name, allowed in choices.items():
        if getattr(config, name) not in allowed:
            listed = ", ".join(repr(choice) for choice in allowed)
            raise ValueError(
                f"`{name}` must be one of {listed}; got {getattr(config, name)!r}."
            )
