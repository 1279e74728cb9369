"""What to generate: one frozen, validated description, stored in the file it made."""

import dataclasses
import json
import math
from collections.abc import Mapping
from typing import Any, Literal

Range = float | tuple[float, float]

# Neither changes a number in the file.
_IRRELEVANT = ("batch",)


@dataclasses.dataclass(frozen=True)
class GenerateConfig:
    """A set of trajectories: everything that decides its bits.

    **Arguments:**

    - `family`: the initial states, a name from `pde_data.FAMILIES`.
    - `grid`, `extent`: cells stored along each axis; length of the box.
    - `mach`, `shear_viscosity`, `bulk_viscosity` (dynamic unless
      `viscosity="kinematic"`): a number, or `(low, high)` for a log-uniform draw per
      trajectory.
    - `gamma`, `prandtl_number` (`None`: no heat conduction): the gas.
    - `trajectories`, `snapshots` (the start included), `final_time`: how much.
    - `seed`: trajectory `i` depends on `seed` and `i` alone.
    - `dtype`: stored, "float32" or "float64"; `precision`: computed, the same names.
    - `scheme`: a name from `pde_data.SCHEMES`; `courant_number`: `None` for its own.
    - `refinement`: simulate with so many times the cells per axis, store averages.
    - `batch`: trajectories per vectorised call; it changes no bit of the result.
    - `format`: "pdebench" or "well"; `compression`: `None` or "gzip".

    **Raises:** `ValueError` naming the field that has no meaning.
    """

    family: str = "random_fourier"
    grid: tuple[int, ...] = (128, 128)
    extent: float = 1.0
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

    def __post_init__(self):
        object.__setattr__(self, "grid", tuple(int(n) for n in self.grid))
        for name in ("mach", "shear_viscosity", "bulk_viscosity"):
            object.__setattr__(self, name, _range(name, getattr(self, name)))
        _check(self)

    @property
    def interval(self) -> float:
        """The time between two snapshots."""
        return self.final_time / (self.snapshots - 1)

    @property
    def times(self) -> tuple[float, ...]:
        """The times of the snapshots, the first of which is zero."""
        last = self.snapshots - 1
        return tuple(self.final_time * (i / last) for i in range(self.snapshots))

    def to_json(self) -> str:
        """A text that `from_json` reads back."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

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
    if not 1 <= len(config.grid) <= 3 or min(config.grid) < 4:
        raise ValueError(
            f"`grid` must have 1 to 3 axes of at least 4 cells, got {config.grid}."
        )
    for name in ("final_time", "extent"):
        if not 0 < getattr(config, name) < math.inf:
            raise ValueError(
                f"`{name}` must be positive and finite, got {getattr(config, name)}."
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
        "format": ("pdebench", "well"),
        "compression": (None, "gzip"),
    }
    for name, allowed in choices.items():
        if getattr(config, name) not in allowed:
            listed = ", ".join(repr(choice) for choice in allowed)
            raise ValueError(
                f"`{name}` must be one of {listed}; got {getattr(config, name)!r}."
            )
